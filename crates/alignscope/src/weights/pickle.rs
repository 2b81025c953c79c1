//! The part of Python's pickle language that a checkpoint's tensors need.
//!
//! A pickle is a program. This reader knows the names that build dictionaries of tensors, and
//! builds nothing else: what any other name stands for or would make is opaque, known by that name alone.
//! Nothing is ever called. Only a value that is needed must not be opaque.

use std::collections::HashMap;
use std::rc::Rc;

use super::dtype::Numbers;

/// A value that a pickle builds. Containers are shared by reference in a pickle's memo, so they
/// stand in one list of their own and values name their places: copies are cheap, and nothing is
/// nested, so that nothing a pickle builds can be too deep to be dropped.
#[derive(Debug, Clone)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float,
    Bytes,
    Text(Rc<str>),
    /// A tuple, by its place among the containers.
    Tuple(usize),
    /// A list, by its place among the containers.
    List(usize),
    /// A dictionary, by its place among the containers.
    Dict(usize),
    /// A name that is allowed.
    Global(Name),
    Storage(Rc<Storage>),
    Tensor(Rc<TensorView>),
    /// What a name stands for that is not understood, or anything made by it: its place among
    /// [`Pickled::opaque`].
    Opaque(u32),
    Mark,
}

/// A name that is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unknown {
    /// `module.name`.
    pub(super) name: Rc<str>,
    /// Where the pickle first has it.
    pub(super) offset: usize,
}

/// Names that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    OrderedDict,
    DefaultDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Numbers),
}

/// A block of numbers that tensors look into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Storage {
    pub(super) numbers: Numbers,
    /// Its name in the file.
    pub(super) key: Rc<str>,
    /// How many numbers it holds.
    pub(super) len: usize,
}

/// A tensor: a strided view of a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TensorView {
    pub(super) storage: Rc<Storage>,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// Why a pickle was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PickleError {
    #[error("its pickle ends too early, at byte {0}")]
    Ends(usize),
    #[error("its pickle has opcode 0x{opcode:02x} at byte {offset}, which no checkpoint needs")]
    Opcode { opcode: u8, offset: usize },
    #[error("its pickle makes no sense at byte {offset}: {what}")]
    Nonsense { offset: usize, what: &'static str },
}

/// Limits what a hostile pickle can build: entries of all containers together.
const MAX_VALUES: usize = 4_000_000;

/// No tensor has more axes (PyTorch's own limit).
const MAX_AXES: usize = 64;

/// Different names in a pickle that are not understood.
const MAX_UNKNOWN: usize = 10_000;

/// Characters of a module or a name that are kept for messages.
const NAME_CHARS: usize = 80;

/// The result of a pickle, and the containers that it refers to.
#[derive(Debug)]
pub(super) struct Pickled {
    pub(super) value: Value,
    containers: Vec<Container>,
    /// The names that are not understood.
    unknown: Vec<Unknown>,
    /// Every storage that it names, by key: the kind and count of its numbers; `None` where their
    /// kind is not known.
    pub(super) storages: HashMap<Rc<str>, Option<(Numbers, usize)>>,
    /// Bytes that the pickle took.
    pub(super) end: usize,
}

#[derive(Debug)]
enum Container {
    Tuple(Vec<Value>),
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
}

impl Pickled {
    /// The entries of a dictionary; none for another value.
    pub(super) fn entries(&self, value: &Value) -> &[(Value, Value)] {
        match value {
            Value::Dict(at) => match &self.containers[*at] {
                Container::Dict(entries) => entries,
                Container::Tuple(_) | Container::List(_) => &[],
            },
            _ => &[],
        }
    }

    /// The name of an opaque value; `None` for another.
    pub(super) fn opaque(&self, value: &Value) -> Option<&Unknown> {
        match value {
            Value::Opaque(at) => Some(&self.unknown[*at as usize]),
            _ => None,
        }
    }

    /// The items of a list; none for another value.
    pub(super) fn items(&self, value: &Value) -> &[Value] {
        match value {
            Value::List(at) => match &self.containers[*at] {
                Container::List(items) => items,
                Container::Tuple(_) | Container::Dict(_) => &[],
            },
            _ => &[],
        }
    }
}

/// Runs one pickle at the beginning of `bytes`.
pub(super) fn read(bytes: &[u8]) -> Result<Pickled, PickleError> {
    Machine { bytes, ..Machine::default() }.run()
}

#[derive(Default)]
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value>,
    memo: HashMap<u32, Value>,
    containers: Vec<Container>,
    unknown: Vec<Unknown>,
    unknown_by_name: HashMap<Rc<str>, u32>,
    storages: HashMap<Rc<str>, Option<(Numbers, usize)>>,
    values: usize,
}

impl Machine<'_> {
    fn run(mut self) -> Result<Pickled, PickleError> {
        loop {
            let offset = self.at;
            let opcode = self.take(1)?[0];
            match opcode {
                // PROTO, FRAME
                0x80 => drop(self.take(1)?),
                0x95 => drop(self.take(8)?),
                b'.' => {
                    let value = self.pop()?;
                    let Self { at: end, containers, unknown, storages, .. } = self;
                    return Ok(Pickled { value, containers, unknown, storages, end });
                }
                b'(' => self.push(Value::Mark)?,
                b')' => self.container(Container::Tuple(vec![]))?,
                b']' => self.container(Container::List(vec![]))?,
                b'}' => self.container(Container::Dict(vec![]))?,
                b'N' => self.push(Value::None)?,
                0x88 | 0x89 => self.push(Value::Bool(opcode == 0x88))?,
                b'K' => {
                    let n = self.take(1)?[0];
                    self.push(Value::Int(n.into()))?;
                }
                b'M' => {
                    let n = u16::from_le_bytes(self.array()?);
                    self.push(Value::Int(n.into()))?;
                }
                b'J' => {
                    let n = i32::from_le_bytes(self.array()?);
                    self.push(Value::Int(n.into()))?;
                }
                // INT, LONG, FLOAT: as text. Python 2 writes large numbers so.
                b'I' | b'L' => {
                    let line = self.line()?;
                    let number = line.trim_end_matches('L').parse().ok();
                    let number = number.ok_or_else(|| self.nonsense("a number that is none"))?;
                    self.push(match (opcode, line.as_str()) {
                        (b'I', "00") => Value::Bool(false),
                        (b'I', "01") => Value::Bool(true),
                        _ => Value::Int(number),
                    })?;
                }
                b'F' => {
                    self.line()?;
                    self.push(Value::Float)?;
                }
                // LONG1, LONG4: little-endian, two's complement.
                0x8a | 0x8b => {
                    let len = match opcode {
                        0x8a => usize::from(self.take(1)?[0]),
                        _ => u32::from_le_bytes(self.array()?) as usize,
                    };
                    let bytes = self.take(len)?;
                    let negative = bytes.last().is_some_and(|b| b & 0x80 != 0);
                    let fill = if negative { 0xff } else { 0 };
                    let mut wide = [fill; 8];
                    // A larger number than 64 bits only ever is the magic of a header.
                    let kept = len.min(8);
                    wide[..kept].copy_from_slice(&bytes[..kept]);
                    self.push(Value::Int(i64::from_le_bytes(wide)))?;
                }
                b'G' => {
                    self.take(8)?;
                    self.push(Value::Float)?;
                }
                // BINUNICODE, SHORT_BINUNICODE, SHORT_BINSTRING, BINSTRING
                b'X' | b'T' => {
                    let len = u32::from_le_bytes(self.array()?);
                    self.text(len as usize)?;
                }
                0x8c | b'U' => {
                    let len = self.take(1)?[0];
                    self.text(len.into())?;
                }
                // BINUNICODE8
                0x8d => {
                    let len = self.long_length()?;
                    self.text(len)?;
                }
                // SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
                b'C' => {
                    let len = self.take(1)?[0];
                    self.skip_bytes(len.into())?;
                }
                b'B' => {
                    let len = u32::from_le_bytes(self.array()?);
                    self.skip_bytes(len as usize)?;
                }
                0x8e | 0x96 => {
                    let len = self.long_length()?;
                    self.skip_bytes(len)?;
                }
                // POP, POP_MARK, DUP
                b'0' => {
                    let top = self.stack.pop();
                    top.ok_or_else(|| self.nonsense("a value is missing"))?;
                }
                b'1' => drop(self.pop_to_mark()?),
                b'2' => {
                    let value = self.pop()?;
                    self.push(value.clone())?;
                    self.push(value)?;
                }
                b'q' => {
                    let key = self.take(1)?[0].into();
                    self.remember(key)?;
                }
                b'r' => {
                    let key = u32::from_le_bytes(self.array()?);
                    self.remember(key)?;
                }
                0x94 => {
                    let key = self.memo.len() as u32;
                    self.remember(key)?;
                }
                b'h' => {
                    let key = self.take(1)?[0].into();
                    self.recall(key)?;
                }
                b'j' => {
                    let key = u32::from_le_bytes(self.array()?);
                    self.recall(key)?;
                }
                b'c' => {
                    let module = self.line()?;
                    let name = self.line()?;
                    self.global(&module, &name, offset)?;
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let (Value::Text(module), Value::Text(name)) = (module, name) else {
                        return Err(self.nonsense("a name that is not text"));
                    };
                    self.global(&module, &name, offset)?;
                }
                b't' => {
                    let items = self.pop_to_mark()?;
                    self.container(Container::Tuple(items))?;
                }
                0x85..=0x87 => {
                    let n = usize::from(opcode - 0x84);
                    let from = self.stack.len().checked_sub(n);
                    let from = from.ok_or_else(|| self.nonsense("too few values for a tuple"))?;
                    let items = self.stack.split_off(from);
                    self.container(Container::Tuple(items))?;
                }
                b'Q' => {
                    let id = self.pop()?;
                    let storage = self.storage(&id)?;
                    self.push(storage)?;
                }
                b'R' => {
                    let (arguments, callable) = (self.pop()?, self.pop()?);
                    let made = self.call(&callable, &arguments)?;
                    self.push(made)?;
                }
                // NEWOBJ, NEWOBJ_EX: an object of a class, which is not made.
                0x81 | 0x92 => {
                    if opcode == 0x92 {
                        self.pop()?;
                    }
                    let (arguments, class) = (self.pop()?, self.pop()?);
                    let made = match class {
                        Value::Global(Name::OrderedDict) => self.call(&class, &arguments)?,
                        Value::Opaque(_) => class,
                        _ => return Err(self.nonsense("an object of something that is no class")),
                    };
                    self.push(made)?;
                }
                // EMPTY_SET, ADDITEMS, FROZENSET
                0x8f => {
                    let set = self.unknown("builtins", "set", offset)?;
                    self.push(set)?;
                }
                0x90 => {
                    self.pop_to_mark()?;
                    if !matches!(self.stack.last(), Some(Value::Opaque(_))) {
                        return Err(self.nonsense("items of something that is no set"));
                    }
                }
                0x91 => {
                    self.pop_to_mark()?;
                    let set = self.unknown("builtins", "frozenset", offset)?;
                    self.push(set)?;
                }
                // BUILD sets attributes of what was built (an OrderedDict's metadata): not needed.
                // A tensor has none: it would become another.
                b'b' => {
                    self.pop()?;
                    if matches!(self.stack.last(), Some(Value::Tensor(_))) {
                        self.pop()?;
                        let other = self.unknown("torch.Tensor", "__setstate__", offset)?;
                        self.push(other)?;
                    }
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?);
                    self.insert(vec![key, value])?;
                }
                b'u' => {
                    let items = self.pop_to_mark()?;
                    self.insert(items)?;
                }
                b'a' => {
                    let item = self.pop()?;
                    self.append(vec![item])?;
                }
                b'e' => {
                    let items = self.pop_to_mark()?;
                    self.append(items)?;
                }
                _ => return Err(PickleError::Opcode { opcode, offset }),
            }
        }
    }

    fn take(&mut self, n: usize) -> Result<&[u8], PickleError> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(PickleError::Ends(self.bytes.len()))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        Ok(self.take(N)?.try_into().expect("as many bytes as were taken"))
    }

    /// A length of eight bytes.
    fn long_length(&mut self) -> Result<usize, PickleError> {
        let len = u64::from_le_bytes(self.array()?);
        usize::try_from(len).map_err(|_| PickleError::Ends(self.bytes.len()))
    }

    fn skip_bytes(&mut self, len: usize) -> Result<(), PickleError> {
        self.take(len)?;
        self.push(Value::Bytes)
    }

    fn nonsense(&self, what: &'static str) -> PickleError {
        PickleError::Nonsense { offset: self.at, what }
    }

    fn push(&mut self, value: Value) -> Result<(), PickleError> {
        self.count(1)?;
        self.stack.push(value);
        Ok(())
    }

    fn count(&mut self, n: usize) -> Result<(), PickleError> {
        self.values += n;
        match self.values > MAX_VALUES {
            true => Err(self.nonsense("more values than any checkpoint has")),
            false => Ok(()),
        }
    }

    fn pop(&mut self) -> Result<Value, PickleError> {
        match self.stack.pop() {
            None | Some(Value::Mark) => Err(self.nonsense("a value is missing")),
            Some(value) => Ok(value),
        }
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>, PickleError> {
        let mark = self.stack.iter().rposition(|v| matches!(v, Value::Mark));
        let mark = mark.ok_or_else(|| self.nonsense("a mark is missing"))?;
        let items = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(items)
    }

    fn container(&mut self, container: Container) -> Result<(), PickleError> {
        let at = self.containers.len();
        let value = match container {
            Container::Tuple(_) => Value::Tuple(at),
            Container::List(_) => Value::List(at),
            Container::Dict(_) => Value::Dict(at),
        };
        self.containers.push(container);
        self.push(value)
    }

    fn text(&mut self, len: usize) -> Result<(), PickleError> {
        let text: Rc<str> = String::from_utf8_lossy(self.take(len)?).into();
        self.push(Value::Text(text))
    }

    fn line(&mut self) -> Result<String, PickleError> {
        let rest = &self.bytes[self.at..];
        let len =
            rest.iter().position(|b| *b == b'\n').ok_or(PickleError::Ends(self.bytes.len()))?;
        let line = String::from_utf8_lossy(&rest[..len]).into_owned();
        self.at += len + 1;
        Ok(line)
    }

    fn remember(&mut self, key: u32) -> Result<(), PickleError> {
        let value = self.stack.last().cloned().ok_or_else(|| self.nonsense("nothing to keep"))?;
        self.count(1)?;
        self.memo.insert(key, value);
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Result<(), PickleError> {
        let value = self.memo.get(&key).cloned();
        let value = value.ok_or_else(|| self.nonsense("a value that was never kept"))?;
        self.push(value)
    }

    fn global(&mut self, module: &str, name: &str, offset: usize) -> Result<(), PickleError> {
        let known = match (module, name) {
            ("collections", "OrderedDict") => Name::OrderedDict,
            ("collections", "defaultdict") => Name::DefaultDict,
            ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor") => Name::RebuildTensor,
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                Name::RebuildParameter
            }
            ("torch", "DoubleStorage") => Name::Storage(Numbers::F64),
            ("torch", "FloatStorage") => Name::Storage(Numbers::F32),
            ("torch", "HalfStorage") => Name::Storage(Numbers::F16),
            ("torch", "BFloat16Storage") => Name::Storage(Numbers::BF16),
            ("torch", "LongStorage") => Name::Storage(Numbers::Whole(8)),
            ("torch", "IntStorage") => Name::Storage(Numbers::Whole(4)),
            ("torch", "ShortStorage") => Name::Storage(Numbers::Whole(2)),
            ("torch", "CharStorage" | "ByteStorage" | "BoolStorage") => {
                Name::Storage(Numbers::Whole(1))
            }
            // Numbers of other kinds, whose size must be known to pass over them.
            ("torch", "ComplexHalfStorage" | "QInt32Storage") => Name::Storage(Numbers::Other(4)),
            ("torch", "ComplexFloatStorage") => Name::Storage(Numbers::Other(8)),
            ("torch", "ComplexDoubleStorage") => Name::Storage(Numbers::Other(16)),
            ("torch", "QInt8Storage" | "QUInt8Storage") => Name::Storage(Numbers::Other(1)),
            ("torch", "UntypedStorage") | ("torch.storage", "UntypedStorage") => {
                Name::Storage(Numbers::Other(1))
            }
            _ => {
                let opaque = self.unknown(module, name, offset)?;
                return self.push(opaque);
            }
        };
        self.push(Value::Global(known))
    }

    /// The opaque value of a name.
    fn unknown(&mut self, module: &str, name: &str, offset: usize) -> Result<Value, PickleError> {
        let short = |text: &str| text.chars().take(NAME_CHARS).collect::<String>();
        let name: Rc<str> = format!("{}.{}", short(module), short(name)).into();
        if let Some(at) = self.unknown_by_name.get(&name) {
            return Ok(Value::Opaque(*at));
        }
        let at = self.unknown.len();
        if at == MAX_UNKNOWN {
            return Err(self.nonsense("more names than any checkpoint has"));
        }
        self.unknown.push(Unknown { name: name.clone(), offset });
        self.unknown_by_name.insert(name, at as u32);
        Ok(Value::Opaque(at as u32))
    }

    /// The items of a tuple; none for another value.
    fn tuple(&self, value: &Value) -> Option<&[Value]> {
        match value {
            Value::Tuple(at) => match &self.containers[*at] {
                Container::Tuple(items) => Some(items),
                _ => None,
            },
            _ => None,
        }
    }

    /// `('storage', type, key, location, length[, view])`.
    fn storage(&mut self, id: &Value) -> Result<Value, PickleError> {
        let parts = self.tuple(id).ok_or_else(|| self.nonsense("a storage without a tuple"))?;
        let [Value::Text(what), kind, Value::Text(key), _, Value::Int(len), rest @ ..] = parts
        else {
            return Err(self.nonsense("a storage of another form"));
        };
        if &**what != "storage" {
            return Err(self.nonsense("a storage of another form"));
        }
        let len = usize::try_from(*len).map_err(|_| self.nonsense("a negative length"))?;
        let (said, opaque) = match kind {
            Value::Global(Name::Storage(numbers)) => (Some((*numbers, len)), None),
            Value::Opaque(_) => (None, Some(kind.clone())),
            _ => return Err(self.nonsense("a storage of another form")),
        };
        // A part of the storage, as PyTorch wrote before 0.4.
        let is_part = !matches!(rest, [] | [Value::None]);
        let key = key.clone();
        if *self.storages.entry(key.clone()).or_insert(said) != said {
            return Err(self.nonsense("a storage with another length or type than before"));
        }
        if is_part {
            return self.unknown("torch", "StorageView", self.at);
        }
        Ok(match (said, opaque) {
            (Some((numbers, len)), _) => Value::Storage(Rc::new(Storage { numbers, key, len })),
            (None, Some(opaque)) => opaque,
            (None, None) => unreachable!("one of both"),
        })
    }

    fn call(&mut self, callable: &Value, arguments: &Value) -> Result<Value, PickleError> {
        let name = match callable {
            Value::Opaque(_) => return Ok(callable.clone()),
            Value::Global(name) => *name,
            _ => return Err(self.nonsense("a call of something that is no name")),
        };
        let arguments = self.tuple(arguments);
        let arguments = arguments.ok_or_else(|| self.nonsense("a call without arguments"))?;
        let opaque = |values: &[Value]| {
            values.iter().find(|value| matches!(value, Value::Opaque(_))).cloned()
        };
        match (name, arguments) {
            (Name::OrderedDict, _) => {
                let entries = match arguments {
                    [] => vec![],
                    // Python 2 wrote an OrderedDict as a list of its pairs.
                    [Value::List(pairs)] => self.pairs(*pairs)?,
                    [Value::Dict(at)] => match &self.containers[*at] {
                        Container::Dict(entries) => entries.clone(),
                        _ => unreachable!("a place of a dictionary holds one"),
                    },
                    _ => return self.unknown("collections", "OrderedDict", self.at),
                };
                self.count(2 * entries.len())?;
                self.containers.push(Container::Dict(entries));
                Ok(Value::Dict(self.containers.len() - 1))
            }
            // Filled by what follows, as a dictionary is.
            (Name::DefaultDict, _) => {
                self.containers.push(Container::Dict(vec![]));
                Ok(Value::Dict(self.containers.len() - 1))
            }
            (Name::RebuildTensor, [storage, offset, shape, strides, ..]) => {
                let sizes = |tuple| self.tuple(tuple).unwrap_or_default();
                // What hangs on a value that is not understood is not understood either.
                let on = [storage, offset, shape, strides].map(Clone::clone);
                let unknown = opaque(&on);
                let unknown = unknown.or_else(|| opaque(sizes(shape)));
                if let Some(unknown) = unknown.or_else(|| opaque(sizes(strides))) {
                    return Ok(unknown);
                }
                let (Value::Storage(storage), Value::Int(offset)) = (storage, offset) else {
                    return Err(self.nonsense("a call with other arguments"));
                };
                let sizes = |tuple: &Value| -> Option<Vec<usize>> {
                    let values = self.tuple(tuple).filter(|sizes| sizes.len() <= MAX_AXES)?;
                    let size = |v: &Value| match v {
                        Value::Int(n) => usize::try_from(*n).ok(),
                        _ => None,
                    };
                    values.iter().map(size).collect()
                };
                let view = (|| {
                    Some(TensorView {
                        storage: storage.clone(),
                        offset: usize::try_from(*offset).ok()?,
                        shape: sizes(shape)?,
                        strides: sizes(strides)?,
                    })
                })();
                let view = view.filter(TensorView::fits);
                let view = view.ok_or_else(|| self.nonsense("a tensor beyond its storage"))?;
                Ok(Value::Tensor(Rc::new(view)))
            }
            (Name::RebuildParameter, [made @ (Value::Tensor(_) | Value::Opaque(_)), ..]) => {
                Ok(made.clone())
            }
            (Name::Storage(_), _) => self.unknown("torch", "Storage", self.at),
            _ => Err(self.nonsense("a call with other arguments")),
        }
    }

    /// A list of two-element tuples or lists as a dictionary's entries.
    fn pairs(&self, list: usize) -> Result<Vec<(Value, Value)>, PickleError> {
        let Container::List(items) = &self.containers[list] else {
            return Err(self.nonsense("pairs that are no list"));
        };
        let pair = |item: &Value| {
            let parts = match item {
                Value::Tuple(at) | Value::List(at) => match &self.containers[*at] {
                    Container::Tuple(parts) | Container::List(parts) => parts.as_slice(),
                    Container::Dict(_) => &[],
                },
                _ => &[],
            };
            match parts {
                [key, value] => Ok((key.clone(), value.clone())),
                _ => Err(self.nonsense("pairs that are not two")),
            }
        };
        items.iter().map(pair).collect()
    }

    fn insert(&mut self, items: Vec<Value>) -> Result<(), PickleError> {
        self.count(items.len())?;
        let (pairs, rest) = items.as_chunks::<2>();
        let target = match self.stack.last() {
            Some(Value::Dict(at)) if rest.is_empty() => *at,
            Some(Value::Opaque(_)) => return Ok(()),
            _ => return Err(self.nonsense("entries of something that is no dictionary")),
        };
        let pairs = pairs.iter().map(|[key, value]| (key.clone(), value.clone()));
        match &mut self.containers[target] {
            Container::Dict(entries) => entries.extend(pairs),
            _ => unreachable!("a place of a dictionary holds one"),
        }
        Ok(())
    }

    fn append(&mut self, new: Vec<Value>) -> Result<(), PickleError> {
        self.count(new.len())?;
        let target = match self.stack.last() {
            Some(Value::List(at)) => *at,
            Some(Value::Opaque(_)) => return Ok(()),
            _ => return Err(self.nonsense("items of something that is no list")),
        };
        match &mut self.containers[target] {
            Container::List(items) => items.extend(new),
            _ => unreachable!("a place of a list holds one"),
        }
        Ok(())
    }
}

impl TensorView {
    /// Whether every element lies within the storage, and their number is sane.
    fn fits(&self) -> bool {
        if self.shape.len() != self.strides.len() {
            return false;
        }
        if self.shape.contains(&0) {
            return true;
        }
        let mut last = self.offset;
        let mut count = 1_usize;
        for (size, stride) in self.shape.iter().zip(&self.strides) {
            let Some(step) = (size - 1).checked_mul(*stride) else { return false };
            let (Some(l), Some(c)) = (last.checked_add(step), count.checked_mul(*size)) else {
                return false;
            };
            (last, count) = (l, c);
        }
        // A view may repeat elements (stride 0), but no weight is larger than its storage.
        last < self.storage.len && count <= self.storage.len
    }

    /// Whether the elements lie one after the other.
    pub(super) fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        self.shape.iter().zip(&self.strides).rev().all(|(size, stride)| {
            let fits = *size == 1 || *stride == expected;
            expected *= size;
            fits
        })
    }
}
