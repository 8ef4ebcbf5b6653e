//! The Query protocol: forms in, XML out.

use jiff::Timestamp;

use crate::sandbox::world::model::Millis;

/// Writes elements into a document.
#[derive(Debug)]
pub struct Xml {
    root: String,
    body: String,
}

impl Xml {
    pub fn open(root: &str) -> Xml {
        Xml { root: root.to_owned(), body: String::new() }
    }

    pub fn text(&mut self, name: &str, value: &str) {
        self.element(name, |xml| xml.bare(value));
    }

    /// Text without an element of its own.
    pub fn bare(&mut self, value: &str) {
        let special = |c: char| matches!(c, '&' | '<' | '>' | '"') || c.is_control();
        if !value.contains(special) {
            return self.body.push_str(value);
        }
        for c in value.chars() {
            match c {
                '&' => self.body.push_str("&amp;"),
                '<' => self.body.push_str("&lt;"),
                '>' => self.body.push_str("&gt;"),
                '"' => self.body.push_str("&quot;"),
                '\r' => self.body.push_str("&#13;"),
                // XML cannot carry these at all.
                c if c.is_control() && c != '\n' && c != '\t' => self.body.push('\u{fffd}'),
                c => self.body.push(c),
            }
        }
    }

    pub fn maybe(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    pub fn time(&mut self, name: &str, at: Millis) {
        self.text(name, &iso(at));
    }

    pub fn element(&mut self, name: &str, content: impl FnOnce(&mut Xml)) {
        for part in ["<", name, ">"] {
            self.body.push_str(part);
        }
        content(self);
        for part in ["</", name, ">"] {
            self.body.push_str(part);
        }
    }

    pub fn list<T>(&mut self, name: &str, items: impl IntoIterator<Item = T>, mut member: impl FnMut(&mut Xml, T)) {
        self.element(name, |xml| {
            for item in items {
                xml.element("member", |xml| member(xml, item));
            }
        });
    }

    pub fn close(self) -> String {
        format!("<{0}>{1}</{0}>", self.root, self.body)
    }
}

/// An answer of the usual shape: `<XResponse><XResult>…</XResult></XResponse>`.
pub fn result(operation: &str, content: impl FnOnce(&mut Xml)) -> String {
    let mut xml = Xml::open(&format!("{operation}Response"));
    xml.element(&format!("{operation}Result"), content);
    xml.close()
}

pub fn iso(at: Millis) -> String {
    Timestamp::from_millisecond(at).map(|t| format!("{t:.3}")).unwrap_or_default()
}

/// The first value of a parameter that is not empty.
pub fn get<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
}
