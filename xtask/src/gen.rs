//! Makes the message table of `wire` from the reference schemas and message definitions.
//!
//! The schemas say what is valid; the message definitions (DDNTA Appendix Q2) add the rules that apply to each element.
//! Both are matched element by element: one that finds no partner stops the generator, so a table is never half right.
//! The output depends on nothing but the input.

// The paths are given because this file is also a module of a test under another name.
#[path = "gen/format.rs"]
mod format;
#[path = "gen/schema.rs"]
mod schema;

use format::{format_body, plain_name, short_name};
use schema::{Node, parse_file};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// The schema files that hold simple types, in the order in which they are read.
const SIMPLE_TYPE_FILES: [&str; 3] = ["stypes.xsd", "tcl.xsd", "htypes.xsd"];
/// The schema files that hold group types.
const GROUP_TYPE_FILES: [&str; 2] = ["ctypes.xsd", "custom_ctypes.xsd"];

/// What the table says about itself.
const HEAD: &str = "\
# The 91 messages of NCTS phase 5: structure, formats, code lists and rules. Made by `cargo xtask gen`; not edited by hand.
#
# Sources: schemas of NCTS phase 5, release 51.8.6 (DG TAXUD), for the 35 published messages; for the other 56 the root
# structures derived from DDNTA Appendix Q2, release 5.15.2 (DG TAXUD), over the same group types. Code lists are those
# that the schemas name, rules those that the Appendix puts on each element. CC025C, CC029C and CC043C follow the
# amended schemas of HMRC, in which `CUSTOM_` groups make the goods measure and the place of loading optional.
#
# format NAME KIND [FACET=VALUE ...]    a text. KIND: token (white space collapsed), line (white space kept, but a line
#                                       break or tab is a space), date, moment (date and time), decimal, integer.
#                                       Facets: length, min, max (characters); from, to (inclusive bounds); digits,
#                                       fraction (digits in total, after the point); in the order of checking.
#   pattern TEXT / or TEXT              must match this pattern, or one of the alternatives that follow it; patterns of
#                                       several `pattern` lines must all match. XML Schema syntax.
#   values A B ...                      must be one of these.
# group NAME                            an element with elements, in this order:
#   ELEMENT TIMES TYPE [CLnnn] [RULE ...]   TIMES: 1, 0..1, 1..9 and so on. TYPE: a format, or @ and a group. CLnnn: the
#                                       business code list that its values come from. RULE: conditions (C), rules (R),
#                                       guidelines (G), transitional constraints (B, E), sequencing (S), technical (T).
# message NAME phase=required|optional  a root element, whether it must have the attribute PhaseID, and its elements;
#   = GROUP                             stands for the elements of that group.
#
# A group that has other rules in other messages appears once for each set of rules: NAME, NAME.2, NAME.3.
";

/// Reads the schemas and definitions under `data` (the folder that holds `xsd` and `messages`) and writes the message
/// table to `out`.
///
/// # Errors
/// When a file cannot be read or written, or when schemas and definitions do not fit together.
pub fn run(data: &Path, out: &Path) -> Result<(), String> {
    let table = table(data)?;
    fs::write(out, table).map_err(|error| format!("cannot write {}: {error}", out.display()))
}

/// The message table as text.
///
/// # Errors
/// When a file cannot be read, or when schemas and definitions do not fit together.
pub fn table(data: &Path) -> Result<String, String> {
    let schemas = data.join("xsd/p5-51.8.6");
    let types = Types::read(&schemas)?;
    let definitions = Definitions::read(&data.join("messages/ddnta-5.15.2-messages.json"))?;
    let mut writer = Writer::new(&types, &definitions);
    let mut messages = String::new();
    for file in root_files(&schemas)? {
        messages.push_str(&writer.message(&parse_file(&file)?)?);
    }
    let formats = writer.formats_text()?;
    Ok(format!("{HEAD}\n{formats}\n{}\n{messages}", writer.groups_text))
}

/// The root schemas, published and derived, in the order of their messages.
fn root_files(schemas: &Path) -> Result<Vec<std::path::PathBuf>, String> {
    let mut files = BTreeMap::new();
    for folder in [schemas.to_path_buf(), schemas.join("reconstructed")] {
        let listing =
            fs::read_dir(&folder).map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
        for entry in listing {
            let path = entry.map_err(|error| error.to_string())?.path();
            let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
            let is_root = name.len() == 6 && (name.starts_with("cc") || name.starts_with("cd"));
            if is_root && path.extension().is_some_and(|extension| extension == "xsd") {
                files.insert(name, path);
            }
        }
    }
    Ok(files.into_values().collect())
}

/// The simple and group types that all messages share.
struct Types {
    simple: BTreeMap<String, Node>,
    groups: BTreeMap<String, Node>,
    header: Node,
}

impl Types {
    fn read(schemas: &Path) -> Result<Self, String> {
        let mut types = Types {
            simple: BTreeMap::new(),
            groups: BTreeMap::new(),
            header: parse_file(&schemas.join("htypes.xsd"))?,
        };
        for file in SIMPLE_TYPE_FILES.iter().chain(&GROUP_TYPE_FILES) {
            for child in parse_file(&schemas.join(file))?.children {
                let into = match child.name.as_str() {
                    "simpleType" => &mut types.simple,
                    "complexType" => &mut types.groups,
                    _ => continue,
                };
                into.insert(child.required("name")?.to_owned(), child);
            }
        }
        Ok(types)
    }
}

/// The rules of every group and item: message -> (group path, item description) -> rules.
struct Definitions(HashMap<String, HashMap<(String, String), Vec<String>>>);

impl Definitions {
    fn read(path: &Path) -> Result<Self, String> {
        let wrong = |error: &dyn std::fmt::Display| format!("cannot read {}: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
        let json: serde_json::Value = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
        let messages = json["messages"].as_object().ok_or_else(|| wrong(&"there are no `messages`"))?;
        let mut found = HashMap::new();
        for (message, definition) in messages {
            let mut rules = HashMap::new();
            for group in definition["groups"].as_array().into_iter().flatten() {
                rules.insert((string(&group["path"]), String::new()), strings(&group["rules"]));
            }
            for item in definition["items"].as_array().into_iter().flatten() {
                rules.insert((string(&item["group"]), string(&item["item"])), strings(&item["rules"]));
            }
            found.insert(message.clone(), rules);
        }
        Ok(Self(found))
    }

    fn rules(&self, message: &str, group: &str, item: &str) -> Result<&[String], String> {
        let known = self.0.get(message).and_then(|rules| rules.get(&(group.to_owned(), item.to_owned())));
        known
            .map(Vec::as_slice)
            .ok_or_else(|| format!("{message} has no `{item}` in `{group}` in the message definitions"))
    }
}

fn string(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn strings(value: &serde_json::Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(string).collect()
}

/// Collects groups and formats while messages are written.
struct Writer<'a> {
    types: &'a Types,
    definitions: &'a Definitions,
    /// Group text (without its name) per type -> the name it has in the table.
    groups: HashMap<(String, String), String>,
    /// How many variants a group type has so far.
    variants: HashMap<String, usize>,
    groups_text: String,
    names: FormatNames,
}

/// The names of formats: simple types of equal content share one.
struct FormatNames {
    by_type: HashMap<String, String>,
    used: BTreeSet<String>,
}

impl<'a> Writer<'a> {
    fn new(types: &'a Types, definitions: &'a Definitions) -> Self {
        Writer {
            types,
            definitions,
            groups: HashMap::new(),
            variants: HashMap::new(),
            groups_text: String::new(),
            names: FormatNames { by_type: HashMap::new(), used: BTreeSet::new() },
        }
    }

    fn message(&mut self, schema: &Node) -> Result<String, String> {
        let root = schema.child("element").ok_or("a root schema has no element")?;
        let name = root.required("name")?.to_owned();
        let of_root = schema.child("complexType").ok_or_else(|| format!("{name} has no type"))?;
        let phase = of_root.child("attribute").and_then(|attribute| attribute.attribute("use"));
        let phase = if phase == Some("required") { "required" } else { "optional" };
        let rows = self.rows(&name, of_root, "MESSAGE")?;
        Ok(format!("message {name} phase={phase}\n{rows}"))
    }

    /// The element lines of a group type, as it is used at `path` of `message`.
    fn rows(&mut self, message: &str, of_type: &Node, path: &str) -> Result<String, String> {
        let mut rows = String::new();
        let sequence =
            of_type.child("sequence").ok_or_else(|| format!("a type in {message} is no sequence"))?;
        for child in &sequence.children {
            match child.name.as_str() {
                "group" => {
                    let types = self.types;
                    let header = types.header.child("group").ok_or("there is no message header")?;
                    let of_header = self.rows(message, header, path)?;
                    let name = self.group_name("Header", of_header);
                    let _ = writeln!(rows, "  = {name}");
                }
                "element" => rows.push_str(&self.row(message, child, path)?),
                other => return Err(format!("{message} has an unexpected <{other}> in a sequence")),
            }
        }
        Ok(rows)
    }

    fn row(&mut self, message: &str, element: &Node, path: &str) -> Result<String, String> {
        let name = element.required("name")?;
        let of_type = element.required("type")?;
        let description =
            element.find("description").and_then(|node| node.attribute("value")).unwrap_or(name);
        let types = self.types;
        let (reference, rules) = match types.groups.get(of_type) {
            Some(group) => {
                let below = format!("{path}/{description}");
                let rows = self.rows(message, group, &below)?;
                (format!("@{}", self.group_name(of_type, rows)), self.definitions.rules(message, &below, "")?)
            }
            None => (self.format_name(of_type)?, self.definitions.rules(message, path, description)?),
        };
        let list = element.find("codeList").filter(|list| list.attribute("type") == Some("business"));
        let list = list.and_then(|list| list.attribute("code"));
        let mut row = format!("  {name} {} {reference}", times(element));
        for word in list.into_iter().chain(rules.iter().map(String::as_str)) {
            let _ = write!(row, " {word}");
        }
        row.push('\n');
        Ok(row)
    }

    /// The name under which a group with these rows stands in the table; writes the group if it is new.
    fn group_name(&mut self, of_type: &str, rows: String) -> String {
        let base = of_type.to_owned();
        if let Some(name) = self.groups.get(&(base.clone(), rows.clone())) {
            return name.clone();
        }
        let variant = self.variants.entry(base.clone()).or_default();
        *variant += 1;
        let name = if *variant == 1 { base.clone() } else { format!("{base}.{variant}") };
        let _ = write!(self.groups_text, "group {name}\n{rows}");
        self.groups.insert((base, rows), name.clone());
        name
    }

    /// The name of the format of a simple type: the schema's own name where one type defines the facets and others
    /// only repeat it.
    fn format_name(&mut self, of_type: &str) -> Result<String, String> {
        if let Some(name) = self.names.by_type.get(of_type) {
            return Ok(name.clone());
        }
        let body = format_body(self.types, of_type)?;
        let mut twins = Vec::new();
        for candidate in self.types.simple.keys() {
            if format_body(self.types, candidate)? == body {
                twins.push(candidate.clone());
            }
        }
        let name = short_name(&body).unwrap_or_else(|| plain_name(&twins));
        for twin in twins {
            self.names.by_type.insert(twin, name.clone());
        }
        Ok(name)
    }

    fn formats_text(&mut self) -> Result<String, String> {
        let mut texts = BTreeMap::new();
        let named: BTreeMap<String, String> = self.names.by_type.clone().into_iter().collect();
        for (of_type, name) in named {
            let body = format_body(self.types, &of_type)?;
            let text = format!("format {name} {body}");
            if let Some(other) = texts.insert(name.clone(), text.clone())
                && other != text
            {
                return Err(format!("two formats have the name `{name}`"));
            }
            self.names.used.insert(name);
        }
        Ok(texts.into_values().collect())
    }
}

fn times(element: &Node) -> String {
    let min = element.attribute("minOccurs").unwrap_or("1");
    let max = element.attribute("maxOccurs").unwrap_or("1");
    if min == max { min.to_owned() } else { format!("{min}..{max}") }
}
