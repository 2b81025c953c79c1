//! The part of Python's pickle language that a checkpoint's tensors need.
//!
//! A pickle is a program. This reader knows the few opcodes and names that build dictionaries of
//! tensors, and builds nothing else: any other opcode or name is refused with its offset, and
//! nothing is ever called.

use std::collections::HashMap;
use std::rc::Rc;

use super::numbers::Numbers;

/// A value that a pickle builds. Containers are shared by reference in a pickle's memo, so they
/// stand in one list of their own and values name their places: copies are cheap, and nothing is
/// nested, so that nothing a pickle builds can be too deep to be dropped.
#[derive(Debug, Clone)]
pub(super) enum Value {
    None,
    Bool,
    Int(i64),
    Float,
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
    Mark,
}

/// Names that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    OrderedDict,
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
    #[error(
        "its pickle names `{name}` at byte {offset}, which no checkpoint needs; it is refused, since a pickle can run any code"
    )]
    Name { name: String, offset: usize },
    #[error("its pickle has opcode 0x{opcode:02x} at byte {offset}, which no checkpoint needs")]
    Opcode { opcode: u8, offset: usize },
    #[error("its pickle makes no sense at byte {offset}: {what}")]
    Nonsense { offset: usize, what: &'static str },
}

/// Limits what a hostile pickle can build: entries of all containers together.
const MAX_VALUES: usize = 4_000_000;

/// No tensor has more axes (PyTorch's own limit).
const MAX_AXES: usize = 64;

/// The result of a pickle, and the containers that it refers to.
#[derive(Debug)]
pub(super) struct Pickled {
    pub(super) value: Value,
    containers: Vec<Container>,
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
    Machine { bytes, at: 0, stack: vec![], memo: HashMap::new(), containers: vec![], values: 0 }
        .run()
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value>,
    memo: HashMap<u32, Value>,
    containers: Vec<Container>,
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
                    return Ok(Pickled { value, containers: self.containers, end: self.at });
                }
                b'(' => self.push(Value::Mark)?,
                b')' => self.container(Container::Tuple(vec![]))?,
                b']' => self.container(Container::List(vec![]))?,
                b'}' => self.container(Container::Dict(vec![]))?,
                b'N' => self.push(Value::None)?,
                0x88 | 0x89 => self.push(Value::Bool)?,
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
                // LONG1: little-endian, two's complement.
                0x8a => {
                    let len = usize::from(self.take(1)?[0]);
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
                // BUILD sets attributes of what was built (an OrderedDict's metadata): not needed.
                b'b' => drop(self.pop()?),
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
            ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor") => Name::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Name::RebuildParameter,
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
            _ => {
                let name = format!("{module}.{name}").chars().take(120).collect();
                return Err(PickleError::Name { name, offset });
            }
        };
        self.push(Value::Global(known))
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
    fn storage(&self, id: &Value) -> Result<Value, PickleError> {
        match self.tuple(id).ok_or_else(|| self.nonsense("a storage without a tuple"))? {
            [
                Value::Text(kind),
                Value::Global(Name::Storage(numbers)),
                Value::Text(key),
                _,
                Value::Int(len),
                ..,
            ] if &**kind == "storage" => {
                let len = usize::try_from(*len).map_err(|_| self.nonsense("a negative length"))?;
                Ok(Value::Storage(Rc::new(Storage { numbers: *numbers, key: key.clone(), len })))
            }
            _ => Err(self.nonsense("a storage of another form")),
        }
    }

    fn call(&mut self, callable: &Value, arguments: &Value) -> Result<Value, PickleError> {
        let (Value::Global(name), Some(arguments)) = (callable, self.tuple(arguments)) else {
            return Err(self.nonsense("a call of something that is no name"));
        };
        match (name, arguments) {
            (Name::OrderedDict, _) => {
                // Python 2 wrote an OrderedDict as a list of its pairs.
                let entries = match arguments {
                    [Value::List(pairs)] => self.pairs(*pairs)?,
                    _ => vec![],
                };
                self.count(2 * entries.len())?;
                self.containers.push(Container::Dict(entries));
                Ok(Value::Dict(self.containers.len() - 1))
            }
            (
                Name::RebuildTensor,
                [
                    Value::Storage(storage),
                    Value::Int(offset),
                    shape @ Value::Tuple(_),
                    strides @ Value::Tuple(_),
                    ..,
                ],
            ) => {
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
            (Name::RebuildParameter, [tensor @ Value::Tensor(_), ..]) => Ok(tensor.clone()),
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
