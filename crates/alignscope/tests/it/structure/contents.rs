//! What a file of Rust says of modules.
//!
//! As much of the language as that takes: `use` trees, and paths that begin with `crate`, `super`
//! or `self`; not what a macro makes; strings; and names of functions that are called. Comments and
//! what is under `#[cfg(test)]` do not count.

use std::collections::BTreeMap;

/// The names from the root of a crate to a module; empty for the root.
pub type Module = Vec<String>;

/// What stands after the `#` of what is for tests.
const FOR_TESTS: &[&str] = &["[", "cfg", "(", "test", ")", "]"];

/// A word of Rust, with its line.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    line: usize,
}

/// The words of a file without its comments and characters; a string is a word.
fn words(code: &str) -> Vec<Word<'_>> {
    let (mut words, mut rest, mut line) = (Vec::new(), code, 1);
    while !rest.is_empty() {
        let (length, counts) = first_word(rest);
        let (text, after) = rest.split_at(length);
        if counts {
            words.push(Word { text, line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    words
}

/// The length in bytes of the first word, and whether it counts.
fn first_word(code: &str) -> (usize, bool) {
    let until = |end: &str, from: usize| {
        code[from..].find(end).map_or(code.len(), |found| from + found + end.len())
    };
    let raw = ["r", "br", "cr"].into_iter().find_map(|prefix| {
        let hashes = code.strip_prefix(prefix)?;
        let text = hashes.trim_start_matches('#').strip_prefix('"')?;
        Some((code.len() - text.len(), hashes.len() - text.len() - 1))
    });
    let mut characters = code.chars();
    let (first, second) = (characters.next().expect("not empty"), characters.next());
    if code.starts_with("//") {
        (until("\n", 0), false)
    } else if code.starts_with("/*") {
        (until("*/", 2), false)
    } else if let Some((from, hashes)) = raw {
        (until(&format!("\"{}", "#".repeat(hashes)), from), true)
    } else if first == '"' {
        let mut escaped = false;
        let end = code[1..].find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        (end.map_or(code.len(), |end| end + 2), true)
    } else if first == '\'' && second == Some('\\') {
        (until("'", 3), false)
    } else if first == '\'' && characters.next() == Some('\'') {
        (until("'", 1), false)
    } else if code.starts_with("::") {
        (2, true)
    } else {
        let name = code.find(|c: char| !is_of_name(c)).unwrap_or(code.len());
        (name.max(first.len_utf8()), !first.is_whitespace())
    }
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A path from the root of the crate, and the line that looks to it.
pub struct Look {
    pub path: Vec<String>,
    pub line: usize,
}

/// What a file says of modules.
#[derive(Default)]
pub struct Contents {
    pub looks: Vec<Look>,
    /// Names that `use` brings in, and their paths.
    pub names: BTreeMap<String, Vec<String>>,
    /// Modules that are files of their own, in the order of the file.
    pub modules: Vec<String>,
    /// Those among them that are for tests.
    pub tests: Vec<String>,
    /// Strings as they are written, each with its line.
    pub strings: Vec<(usize, String)>,
    /// Methods that are called, and functions of `f32` and `f64` that are named, each with its
    /// line.
    pub calls: Vec<(usize, String)>,
}

impl Contents {
    pub fn read(code: &str, module: &Module) -> Self {
        let mut contents = Self::default();
        let words = words(code);
        // The modules that stand around a word, each with its depth in braces.
        let (mut around, mut depth) = (Vec::<(usize, &str)>::new(), 0);
        let mut at = 0;
        while let Some(word) = words.get(at) {
            let text = |ahead: usize| words.get(at + ahead).map_or("", |word| word.text);
            let begins_path = text(1) == "::" && (at == 0 || words[at - 1].text != "::");
            match word.text {
                "#" if (1..).zip(FOR_TESTS).all(|(ahead, word)| text(ahead) == *word) => {
                    at = contents.pass_item(&words, at + 1 + FOR_TESTS.len());
                    continue;
                }
                string if string.contains('"') => {
                    contents.strings.push((word.line, string.to_owned()));
                }
                "." if text(2) == "(" => contents.calls.push((word.line, text(1).to_owned())),
                "f32" | "f64" if text(1) == "::" => {
                    contents.calls.push((word.line, text(2).to_owned()));
                }
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    around.pop_if(|(outside, _)| *outside == depth);
                }
                "mod" if text(2) == ";" => contents.modules.push(text(1).to_owned()),
                "mod" if text(2) == "{" => around.push((depth, text(1))),
                // Not the `use<'a>` of a type.
                "use" if text(1) != "<" => {
                    let here = inside(module, &around);
                    at += 1;
                    read_tree(&words, &mut at, &mut Vec::new(), &mut |path, name, line| {
                        let path = absolute(&here, path);
                        contents.names.insert(name.to_owned(), path.clone());
                        contents.looks.push(Look { path, line });
                    });
                    continue;
                }
                "crate" | "super" | "self" if begins_path => {
                    let here = inside(module, &around);
                    read_tree(&words, &mut at, &mut Vec::new(), &mut |path, _, line| {
                        contents.looks.push(Look { path: absolute(&here, path), line });
                    });
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        contents
    }

    /// Where the item at `at` is over, which is for tests.
    fn pass_item(&mut self, words: &[Word<'_>], mut at: usize) -> usize {
        let mut depth = 0;
        while let Some(word) = words.get(at) {
            if word.text == "mod" && depth == 0 && words[at + 2].text == ";" {
                self.tests.push(words[at + 1].text.to_owned());
            }
            at += 1;
            match word.text {
                "{" => depth += 1,
                "}" if depth == 1 => break,
                "}" => depth -= 1,
                ";" if depth == 0 => break,
                _ => {}
            }
        }
        at
    }
}

fn inside(module: &Module, around: &[(usize, &str)]) -> Module {
    module.iter().cloned().chain(around.iter().map(|(_, name)| (*name).to_owned())).collect()
}

/// A path as it stands in the module `here`, from the root.
fn absolute(here: &Module, path: &[&str]) -> Vec<String> {
    let mut absolute = here.clone();
    for (i, name) in path.iter().enumerate() {
        match *name {
            "crate" if i == 0 => absolute.clear(),
            "super" => drop(absolute.pop()),
            "self" => {}
            name => absolute.push(name.to_owned()),
        }
    }
    absolute
}

/// Tells of each path of a `use` tree, the name that it gets, and its line.
fn read_tree<'a>(
    words: &[Word<'a>],
    at: &mut usize,
    path: &mut Vec<&'a str>,
    tell: &mut impl FnMut(&[&str], &str, usize),
) {
    let (from, length) = (*at, path.len());
    loop {
        let text = |at: usize| words.get(at).map_or("", |word| word.text);
        match text(*at) {
            "{" => {
                *at += 1;
                while !matches!(text(*at), "}" | "") {
                    if text(*at) == "," {
                        *at += 1;
                    } else {
                        read_tree(words, at, path, tell);
                    }
                }
                *at += 1;
                break;
            }
            // `use ::name` is of another crate.
            "::" if path.is_empty() => *at += 1,
            name if name.starts_with(is_of_name) => {
                path.push(name);
                *at += 1;
                if text(*at) == "::" {
                    *at += 1;
                    continue;
                }
                let mut last = if name == "self" { path.iter().rev().nth(1) } else { Some(&name) };
                let renamed = text(*at + 1);
                if text(*at) == "as" {
                    *at += 2;
                    last = Some(&renamed);
                }
                tell(path, last.copied().unwrap_or("self"), words[from].line);
                break;
            }
            // A glob, or type parameters.
            _ => {
                *at += 1;
                tell(path, "*", words[from].line);
                break;
            }
        }
    }
    path.truncate(length);
}
