//! Modules look only to those above them in `lib.rs`, files of one folder do not import each other
//! in a loop, no text of the library names an option of the command line, and no number is made by
//! a function that rounds as the system's C library does.
//!
//! A path counts for the module that it names, and for the one that this re-exports from.

mod contents;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

use contents::{Contents, Module};

/// An import of one module by another, both in one folder.
struct Import {
    from: Module,
    to: Module,
    file: String,
    line: usize,
}

/// The modules of a crate.
struct Tree {
    name: String,
    files: BTreeMap<Module, (String, Contents)>,
}

impl Tree {
    /// Of the crate's files, each with its path from `src`.
    fn new(name: &str, files: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut files: BTreeMap<Module, _> = files
            .into_iter()
            .map(|(path, code)| {
                let mut module: Module =
                    path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
                if path == "lib.rs" {
                    module.clear();
                }
                let contents = Contents::read(&code, &module);
                (module, (path, contents))
            })
            .collect();
        let tests: Vec<Module> = files
            .iter()
            .flat_map(|(module, (_, contents))| {
                contents.tests.iter().map(|test| [&**module, std::slice::from_ref(test)].concat())
            })
            .collect();
        files.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
        Self { name: name.to_owned(), files }
    }

    /// Of a crate of this project.
    fn open(name: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(name).join("src");
        let (mut files, mut folders) = (Vec::new(), vec![root.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder of the crate") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let below = path.strip_prefix(&root).expect("below the root");
                    let below = below.to_str().expect("UTF-8").replace('\\', "/");
                    files.push((below, fs::read_to_string(&path).expect("UTF-8")));
                }
            }
        }
        assert!(files.len() > 10, "{} has the files of {name}", root.display());
        Self::new(name, files)
    }

    /// As the list and messages name it.
    fn shown(&self, module: &Module) -> String {
        format!("{}::{}", self.name.replace('-', "_"), module.join("::"))
    }

    /// The module of a path as it is written, and those of the re-exports that it leads through.
    fn reached(&self, path: &[String], reached: &mut BTreeSet<Module>) {
        let known = (0..=path.len()).rev().find(|n| self.files.contains_key(&path[..*n]));
        let (module, rest) = path.split_at(known.expect("the root is a module"));
        let renamed = rest.first().and_then(|name| self.files[module].1.names.get(name));
        // A module that was there already: a name like its own module, or a loop of re-exports.
        if !reached.insert(module.to_vec()) && renamed.is_none_or(|to| to.starts_with(module)) {
            return;
        }
        if let Some(to) = renamed.filter(|to| *to != path) {
            self.reached(&[to, &rest[1..]].concat(), reached);
        }
    }

    /// One import for each two modules of a folder, the first that is met.
    fn imports(&self) -> Vec<Import> {
        let (mut imports, mut met) = (Vec::new(), BTreeSet::new());
        for (module, (file, contents)) in &self.files {
            for look in &contents.looks {
                let mut reached = BTreeSet::new();
                self.reached(&look.path, &mut reached);
                for other in reached {
                    let common = module.iter().zip(&other).take_while(|(a, b)| a == b).count();
                    if common == module.len() || common == other.len() {
                        continue; // A module and what is in it.
                    }
                    let (from, to) = (module[..=common].to_vec(), other[..=common].to_vec());
                    if met.insert((from.clone(), to.clone())) {
                        let (file, line) = (file.clone(), look.line);
                        imports.push(Import { from, to, file, line });
                    }
                }
            }
        }
        imports
    }

    /// What is wrong.
    fn faults(&self) -> Vec<String> {
        let order = &self.files[&Module::new()].1.modules;
        let place = |module: &Module| {
            let place = order.iter().position(|name| *name == module[0]);
            place.unwrap_or_else(|| panic!("{} is in lib.rs", self.shown(module)))
        };
        let at = |import: &Import| {
            let (to, file) = (self.shown(&import.to), &import.file);
            format!("crates/{}/src/{file}:{} looks to {to}", self.name, import.line)
        };
        let (mut faults, mut told) = (Vec::new(), BTreeSet::new());
        let imports = self.imports();
        for import in &imports {
            let from = self.shown(&import.from);
            if import.from.len() == 1 {
                if place(&import.to) > place(&import.from) {
                    faults.push(format!(
                        "{}, which stands below {from} in lib.rs: move what is used to a module \
                         above {from}, or hand it in from a module below both",
                        at(import)
                    ));
                }
            } else if let Some(mut ring) = way(&imports, &import.to, &import.from) {
                ring.push(import);
                let mut modules: Vec<_> = ring.iter().map(|import| import.from.clone()).collect();
                modules.sort();
                if told.insert(modules) {
                    let ring: Vec<String> = ring.into_iter().map(at).collect();
                    faults.push(format!(
                        "{},\n    which is a loop: move what they share to a file that imports \
                         none of them",
                        ring.join(",\n    ")
                    ));
                }
            }
        }
        faults
    }
}

/// The shortest way from one module to another along imports.
fn way<'a>(imports: &'a [Import], from: &'a Module, to: &Module) -> Option<Vec<&'a Import>> {
    let mut ways = VecDeque::from([(from, Vec::new())]);
    let mut met = BTreeSet::from([from]);
    while let Some((end, way)) = ways.pop_front() {
        if end == to {
            return Some(way);
        }
        for import in imports.iter().filter(|import| import.from == *end) {
            if met.insert(&import.to) {
                ways.push_back((&import.to, [&*way, &[import]].concat()));
            }
        }
    }
    None
}

#[test]
fn modules_look_up_and_not_at_each_other() {
    let mut faults = Vec::new();
    for name in ["alignscope-kernel", "alignscope"] {
        faults.extend(Tree::open(name).faults());
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn no_text_of_the_library_names_an_option() {
    let mut faults = Vec::new();
    for name in ["alignscope-kernel", "alignscope"] {
        for (file, contents) in Tree::open(name).files.values() {
            let named = contents.strings.iter().filter_map(|(line, text)| {
                Some(format!("crates/{name}/src/{file}:{line} names {}", option_in(text)?))
            });
            faults.extend(named);
        }
    }
    let what = "say it without options; what would help is a `Remedy`, which each door words";
    assert!(faults.is_empty(), "{what}:\n{}", faults.join("\n"));
}

/// The first option of the command line that a text names.
fn option_in(text: &str) -> Option<&str> {
    /// A property of style sheets.
    const STYLE: &str = "--dark";
    text.match_indices("--").map(|(at, _)| &text[at..]).find_map(|rest| {
        let before = text[..text.len() - rest.len()].chars().next_back();
        let end = rest[2..].find(|c: char| !(c.is_ascii_lowercase() || c == '-'));
        let option = &rest[..end.map_or(rest.len(), |end| end + 2)];
        let begins = before.is_none_or(|c| !c.is_alphanumeric() && c != '-')
            && rest[2..].starts_with(|c: char| c.is_ascii_lowercase());
        (begins && option != STYLE).then_some(option)
    })
}

#[test]
fn an_option_in_a_string_is_found_and_none_elsewhere() {
    let code = "// \"--a\"\nconst A: &str = \"say `--memory 1`\"; /// \"--b\"\n\
                #[cfg(test)]\nmod tests { const B: &str = \"--c\"; }\n\
                const C: &str = r\"a -- b --- c--d --dark:x\";";
    let contents = Contents::read(code, &Module::new());
    let found: Vec<_> =
        contents.strings.iter().map(|(line, text)| (*line, option_in(text))).collect();
    assert_eq!(found, [(2, Some("--memory")), (5, None)]);
}

/// Functions of the standard library that are the C library's, whose last bit depends on its
/// version and on the processor.
const OF_THE_SYSTEM: &[&str] = &[
    "exp", "exp2", "exp_m1", "ln", "ln_1p", "log", "log2", "log10", "powf", "cbrt", "hypot", "sin",
    "cos", "sin_cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh",
    "acosh", "atanh",
];

#[test]
fn no_number_is_rounded_by_the_library_of_the_system() {
    let mut faults = Vec::new();
    for name in ["alignscope-kernel", "alignscope"] {
        for (file, contents) in Tree::open(name).files.values() {
            let calls = contents.calls.iter();
            let of_system = calls.filter(|(_, call)| OF_THE_SYSTEM.contains(&&**call));
            faults.extend(
                of_system.map(|(line, call)| format!("crates/{name}/src/{file}:{line}: `{call}`")),
            );
        }
    }
    let what = "call the function of `libm`, which is the same on every processor";
    assert!(faults.is_empty(), "{what}:\n{}", faults.join("\n"));
}

#[test]
fn a_call_of_the_system_is_found_and_none_elsewhere() {
    let code = "// x.exp()\nfn f(x: f64) -> f64 { x.exp() + libm::exp(x) }\n\
                #[cfg(test)]\nmod tests { fn f(x: f64) -> f64 { x.exp() } }\n\
                fn g(x: [f64; 2]) -> [f64; 2] { x.map(f64::cbrt) }\nfn exp() { exp() }";
    let contents = Contents::read(code, &Module::new());
    let found: Vec<_> = contents.calls.iter().map(|(line, call)| (*line, &**call)).collect();
    assert_eq!(found, [(2, "exp"), (5, "map"), (5, "cbrt")]);
}

/// The faults of a crate `small` of these files.
fn faults(files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(path, code)| ((*path).to_owned(), (*code).to_owned()));
    Tree::new("small", files).faults()
}

#[test]
fn a_look_to_a_module_below_is_found() {
    let files =
        |code| [("lib.rs", "mod a;\npub mod b;\npub use b::B;"), ("a.rs", code), ("b.rs", "")];
    for code in [
        "\nuse crate::b::B;",
        "\nuse crate::{b};",
        "\nuse super::b::{self as c};",
        "use std::fs;\nfn f() { crate::b::f::<u8>() }",
        "/* \" */ const C: char = '\"';\nuse crate::B;",
        "mod inner { // }\nuse super::super::b; }",
        "const R: &str = r#\"\"//\"#; fn f<'a>() {}\nuse crate::b;",
    ] {
        let [fault] = &*faults(&files(code)) else { panic!("one fault of {code}") };
        assert!(fault.starts_with("crates/small/src/a.rs:2 looks to small::b, "), "{fault}");
    }
    for code in [
        "// use crate::b::B;",
        "const S: &str = \"\\\"crate::b::B\";",
        "#[cfg(test)]\nmod tests { fn f() {} use crate::b::B; }",
        "#[cfg(test)]\nuse crate::b::B;",
        "mod b {} use self::b::B; fn f() -> impl Sized + use<> {}",
    ] {
        assert!(faults(&files(code)).is_empty(), "{code}");
    }
    let upwards = [("lib.rs", "mod a; mod b;"), ("a.rs", ""), ("b.rs", "use crate::a::{A, f};")];
    assert!(faults(&upwards).is_empty());
}

#[test]
fn a_loop_of_files_in_a_folder_is_found() {
    let files = |last| {
        [
            ("lib.rs", "mod folder;"),
            // Of the folder and what is in it, each may look to the other.
            ("folder.rs", "mod a; mod b; mod c; #[cfg(test)] mod tests; use a::A; struct F;"),
            ("folder/a.rs", "use super::{F, b::{self, B}};"),
            ("folder/b.rs", "use crate::folder::c::C;"),
            ("folder/c.rs", last),
            ("folder/tests.rs", "use super::a::A;"),
        ]
    };
    assert!(faults(&files("")).is_empty());
    // By its own path, and by what the folder's file imports.
    for last in ["use super::a::A;", "use crate::folder::A;"] {
        let [fault] = &*faults(&files(last)) else { panic!("one loop by {last}") };
        for place in ["a.rs:1 looks to small::folder::b", "b.rs:1", "c.rs:1"] {
            assert!(fault.contains(&format!("crates/small/src/folder/{place}")), "{fault}");
        }
    }
}
