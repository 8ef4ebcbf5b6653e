//! As much of Terraform's language as finds blocks and their attributes: comments, strings with interpolation, heredocs
//! and brackets are skipped over correctly, and nothing is evaluated.

/// A top-level block: `variable "x" { … }`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Block<'a> {
    pub kind: &'a str,
    pub labels: Vec<&'a str>,
    /// Names and the text of their expressions. Blocks inside this one are left out.
    pub attributes: Vec<(&'a str, &'a str)>,
}

impl<'a> Block<'a> {
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.attributes.iter().find(|(key, _)| *key == name).map(|(_, text)| *text)
    }
}

/// The blocks of a file; what is not understood is skipped.
pub fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut scanner = Scanner { text, at: 0 };
    let mut found = Vec::new();
    while scanner.skip_blank(true) {
        let kind = scanner.word();
        if kind.is_empty() {
            scanner.step();
            continue;
        }
        let labels = scanner.labels();
        if scanner.peek() == Some('{') {
            scanner.step();
            found.push(Block { kind, labels, attributes: scanner.body() });
        } else {
            scanner.expression();
        }
    }
    found
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn step(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    /// Skips blanks and comments, and line ends if those are blank too; whether anything follows.
    fn skip_blank(&mut self, lines: bool) -> bool {
        loop {
            let rest = self.rest();
            if rest.starts_with('#') || rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                self.at += rest.find("*/").map_or(rest.len(), |end| end + 2);
            } else if rest.starts_with(|c: char| c.is_whitespace() && (lines || c != '\n')) {
                self.step();
            } else {
                return !rest.is_empty();
            }
        }
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn labels(&mut self) -> Vec<&'a str> {
        let mut labels = Vec::new();
        loop {
            self.skip_blank(false);
            let begin = self.at;
            match self.peek() {
                Some('"') => {
                    self.string();
                    let text = &self.text[begin..self.at];
                    labels.push(text.trim_matches('"'));
                }
                Some(c) if c.is_alphabetic() || c == '_' => labels.push(self.word()),
                _ => return labels,
            }
        }
    }

    /// The attributes up to the closing brace of a block.
    fn body(&mut self) -> Vec<(&'a str, &'a str)> {
        let mut attributes = Vec::new();
        while self.skip_blank(true) {
            if self.peek() == Some('}') {
                self.step();
                break;
            }
            let name = self.word();
            let labels = self.labels();
            match self.peek() {
                Some('=') if !name.is_empty() && labels.is_empty() => {
                    self.step();
                    let text = self.expression();
                    attributes.push((name, text));
                }
                Some('{') => self.brackets(),
                _ if name.is_empty() => self.step(),
                _ => {}
            }
        }
        attributes
    }

    /// The text of an expression: to the end of its line, or of the line where its last bracket closes.
    fn expression(&mut self) -> &'a str {
        self.skip_blank(false);
        let begin = self.at;
        let mut end = begin;
        while let Some(c) = self.peek() {
            match c {
                '\n' | '}' | ',' | ')' | ']' => break,
                '"' => self.string(),
                '(' | '[' | '{' => self.brackets(),
                '<' if self.rest().starts_with("<<") => self.heredoc(),
                _ => self.step(),
            }
            end = self.at;
            self.skip_blank(false);
        }
        &self.text[begin..end]
    }

    /// From an opening bracket to behind the one that closes it.
    fn brackets(&mut self) {
        let mut depth = 0_usize;
        while self.skip_blank(true) {
            match self.peek() {
                Some('"') => {
                    self.string();
                    continue;
                }
                Some('<') if self.rest().starts_with("<<") => {
                    self.heredoc();
                    continue;
                }
                Some('(' | '[' | '{') => depth += 1,
                Some(')' | ']' | '}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.step();
            if depth == 0 {
                return;
            }
        }
    }

    /// From a quote to behind the one that ends it, over whatever is interpolated.
    fn string(&mut self) {
        // Each entry is one interpolation that is open, with the braces open in it; strings may be inside of it again.
        let mut open: Vec<usize> = Vec::new();
        let mut inside = false;
        while let Some(c) = self.peek() {
            let rest = self.rest();
            let interpolates = rest.starts_with("${") || rest.starts_with("%{");
            if inside && (c == '\\' || rest.starts_with("$${") || rest.starts_with("%%{")) {
                self.step();
                self.step();
            } else if inside && interpolates {
                self.at += 2;
                open.push(0);
                inside = false;
                continue;
            } else if c == '"' {
                inside = !inside;
                if !inside && open.is_empty() {
                    self.step();
                    return;
                }
            } else if !inside && c == '{' {
                if let Some(braces) = open.last_mut() {
                    *braces += 1;
                }
            } else if !inside && c == '}' {
                match open.last_mut() {
                    Some(braces) if *braces > 0 => *braces -= 1,
                    _ => {
                        open.pop();
                        inside = true;
                    }
                }
            }
            self.step();
        }
    }

    /// `<<EOF` or `<<-EOF` to the line that has nothing but the word.
    fn heredoc(&mut self) {
        self.at += 2;
        if self.peek() == Some('-') {
            self.step();
        }
        let word = self.word();
        if word.is_empty() {
            return;
        }
        while let Some(end) = self.rest().find('\n') {
            self.at += end + 1;
            let line = self.rest().split('\n').next().unwrap_or_default();
            if line.trim() == word {
                self.at += line.len();
                return;
            }
        }
        self.at = self.text.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_among_everything_else() {
        let text = r#"
# variable "no" {}
/* variable "no" { } */
terraform { required_providers { alicloud = { source = "x" } } }
variable "a" { type = string }
variable "b" {
  description = "with } and ${lower("}")} and \" in it" // a comment
  type = list(object({
    name = string # }
  }))
  default = [
    { name = "x" },
  ]
  validation {
    condition = length(var.b) > 0
  }
  sensitive = true
}
locals { x = 1 }
output "text" {
  value = <<-EOT
    }
    ${var.a}
  EOT
  description = "d"
}
resource "alicloud_vpc" "main" { vpc_name = "v" }"#;
        let blocks = blocks(text);
        let names: Vec<String> = blocks.iter().map(|b| format!("{} {}", b.kind, b.labels.join("."))).collect();
        assert_eq!(
            names,
            ["terraform ", "variable a", "variable b", "locals ", "output text", "resource alicloud_vpc.main"]
        );
        assert_eq!(blocks[1].get("type"), Some("string"));
        assert_eq!(blocks[2].get("description"), Some(r#""with } and ${lower("}")} and \" in it""#));
        assert_eq!(blocks[2].get("sensitive"), Some("true"));
        assert!(blocks[2].get("condition").is_none());
        assert_eq!(blocks[4].get("description"), Some("\"d\""));
    }

    #[test]
    fn anything_ends() {
        let whole = r#"variable "b" { default = "a ${f({ x = "}" })} \" " } output "c" { value = <<END
x
END
}"#;
        for end in (0..=whole.len()).filter(|end| whole.is_char_boundary(*end)) {
            blocks(&whole[..end]);
            blocks(&whole[end..]);
        }
        for odd in ["}", "{{{{", "\"", "<<", "a = {", "a \"", "${", "é { ü = ${ \"", "a b c", "= = =", "/*"] {
            blocks(odd);
        }
    }
}
