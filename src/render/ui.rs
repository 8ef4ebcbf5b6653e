//! The only place that prints: the result on stdout, everything else on stderr.

use std::io::{self, BufRead, IsTerminal, Write};

use super::line::{Line, Page};
use super::safe;
use super::style::{Style, Tone};
use crate::problem::Problem;

/// The columns of output that goes to no terminal.
const WIDTH_WITHOUT_TERMINAL: usize = 100;
/// The columns of a terminal that does not say.
const WIDTH_OF_SILENT_TERMINAL: usize = 80;

/// Whether output has colours: `--no-color`, then `NO_COLOR` (any text), then `CLICOLOR_FORCE` (anything but `0`), then
/// whether a terminal reads it.
#[must_use]
pub fn color_choice(flag: bool, no_color: Option<&str>, force: Option<&str>, is_terminal: bool) -> bool {
    if flag || no_color.is_some_and(|value| !value.is_empty()) {
        return false;
    }
    force.is_some_and(|value| !value.is_empty() && value != "0") || is_terminal
}

/// The columns to fill: what the terminal says, else `COLUMNS`, else a number that suits most readers.
#[must_use]
pub fn width_choice(terminal: Option<u16>, variable: Option<&str>, is_terminal: bool) -> usize {
    let usable = |columns: &usize| *columns >= 20;
    let fallback = if is_terminal { WIDTH_OF_SILENT_TERMINAL } else { WIDTH_WITHOUT_TERMINAL };
    let terminal = terminal.map(usize::from).filter(usable);
    terminal.or_else(|| variable?.trim().parse().ok().filter(usable)).unwrap_or(fallback)
}

/// Stdout and stderr of one command.
pub struct Ui {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    /// How the result is set.
    pub out_style: Style,
    /// How messages are set.
    pub err_style: Style,
    quiet: bool,
    /// Under CI nobody types the next command.
    hints: bool,
}

impl Ui {
    /// The streams of this process.
    #[must_use]
    pub fn standard(no_color: bool, quiet: bool) -> Self {
        let set = |name: &str| std::env::var(name).ok();
        let dumb = set("TERM").is_some_and(|term| term == "dumb");
        let style = |is_terminal: bool, columns: Option<u16>| Style {
            color: color_choice(
                no_color,
                set("NO_COLOR").as_deref(),
                set("CLICOLOR_FORCE").as_deref(),
                is_terminal && !dumb,
            ),
            width: width_choice(columns, set("COLUMNS").as_deref(), is_terminal),
        };
        let columns = |size: Option<(terminal_size::Width, terminal_size::Height)>| size.map(|(width, _)| width.0);
        let (out, err) = (io::stdout(), io::stderr());
        Ui {
            out_style: style(out.is_terminal(), columns(terminal_size::terminal_size_of(&out))),
            err_style: style(err.is_terminal(), columns(terminal_size::terminal_size_of(&err))),
            out: Box::new(out),
            err: Box::new(err),
            quiet,
            hints: set("CI").is_none_or(|value| value.is_empty() || value == "false"),
        }
    }

    /// Other streams, for tests.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>, style: Style, quiet: bool, hints: bool) -> Self {
        Ui { out, err, out_style: style, err_style: style, quiet, hints }
    }

    /// Writes the result. A reader that has gone away (`| head`) is no failure: what follows is written for nobody.
    ///
    /// # Errors
    /// When the result could not be written for any other reason, such as a full disk.
    pub fn result(&mut self, text: &str) -> Result<(), Problem> {
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.out = Box::new(io::sink());
                Ok(())
            }
            Err(error) => Err(Problem::failed(format!("cannot write to stdout: {error}"))),
            Ok(()) => Ok(()),
        }
    }

    /// Writes problems: `error: FILE:LINE:COLUMN: message`, and the way out below.
    pub fn errors(&mut self, problems: &[Problem]) {
        for problem in problems {
            self.message("error", Tone::Alert, problem);
        }
    }

    /// Writes warnings.
    pub fn warnings(&mut self, problems: &[Problem]) {
        for problem in problems {
            self.message("warning", Tone::Change, problem);
        }
    }

    /// A remark about what happens; `--quiet` silences it.
    pub fn note(&mut self, text: &str) {
        if !self.quiet {
            let text: String = safe::lines(text).map(|line| line + "\n").collect();
            self.tell(&text);
        }
    }

    /// A longer text that somebody who is about to be asked has to read.
    pub fn show(&mut self, text: &str) {
        self.tell(text);
    }

    /// What to run next.
    pub fn next(&mut self, command: &str) {
        if self.hints && !self.quiet {
            self.tell(&format!("Next: {}\n", safe::line(command)));
        }
    }

    /// Asks on stderr; `yes` and nothing else is a yes.
    ///
    /// # Errors
    /// When the answer cannot be read.
    pub fn confirm(&mut self, question: &str, answers: &mut dyn BufRead) -> io::Result<bool> {
        let question = self.err_style.paint(Tone::Strong, &safe::line(question));
        self.tell(&format!("{question} Only `yes` is a yes: "));
        let mut answer = String::new();
        if answers.read_line(&mut answer)? == 0 {
            // Ctrl-D leaves the cursor behind the question.
            self.tell("\n");
        }
        Ok(answer.trim() == "yes")
    }

    fn message(&mut self, word: &str, tone: Tone, problem: &Problem) {
        let mut page = Page::new(self.err_style);
        let place = problem.place.as_ref().map(|place| format!("{}: ", safe::line(&place.to_string())));
        let mut message = safe::lines(&problem.message);
        let first = format!(": {}{}", place.unwrap_or_default(), message.next().unwrap_or_default());
        // Not filled into lines: editors and CI systems find places in these.
        page.line(&Line::default().then(tone, word).then(Tone::Plain, first));
        for line in message {
            page.line(&Line::indented(2).then(Tone::Plain, line));
        }
        for (number, line) in safe::lines(problem.hint.as_deref().unwrap_or_default()).enumerate() {
            let lead = if number == 0 { "hint: " } else { "      " };
            page.line(&Line::indented(2).then(Tone::Dim, lead).then(Tone::Plain, line));
        }
        self.tell(&page.finish());
    }

    /// Messages that nobody can read stop nothing.
    fn tell(&mut self, text: &str) {
        drop(self.err.write_all(text.as_bytes()).and_then(|()| self.err.flush()));
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::{Ui, color_choice, width_choice};
    use crate::problem::{Place, Problem};
    use crate::render::Style;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Kept {
        fn text(&self) -> String {
            self.0.lock().map(|kept| String::from_utf8_lossy(&kept).into_owned()).unwrap_or_default()
        }
    }

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().map_or(Ok(0), |mut kept| kept.write(bytes))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn ui(style: Style, hints: bool) -> (Ui, Kept) {
        let err = Kept::default();
        (Ui::new(Box::new(io::sink()), Box::new(err.clone()), style, false, hints), err)
    }

    #[test]
    fn colours_follow_flag_environment_and_terminal() {
        assert!(color_choice(false, None, None, true));
        assert!(!color_choice(false, None, None, false));
        assert!(!color_choice(true, None, Some("1"), true));
        assert!(!color_choice(false, Some("1"), Some("1"), true));
        assert!(color_choice(false, Some(""), Some("1"), false));
        assert!(!color_choice(false, None, Some("0"), false));
    }

    #[test]
    fn the_width_is_the_terminals_own() {
        assert_eq!(width_choice(Some(120), Some("70"), true), 120);
        assert_eq!(width_choice(None, Some("70"), false), 70);
        assert_eq!(width_choice(Some(0), Some("wide"), true), 80);
        assert_eq!(width_choice(None, None, false), 100);
    }

    #[test]
    fn a_problem_has_its_place_and_its_way_out() {
        let (mut ui, err) = ui(Style { color: false, width: 40 }, true);
        let place = Place { file: "products/net.toml".into(), line: 12, column: 3 };
        ui.errors(&[Problem::input("unknown key `verison`\u{1b}[2J")
            .at(&place)
            .hint("did you mean `version`?\nor not")]);
        ui.warnings(&[Problem::input("doubtful")]);
        ui.next("tenure apply");
        insta::assert_snapshot!(err.text(), @r"
        error: products/net.toml:12:3: unknown key `verison`\u{1b}[2J
          hint: did you mean `version`?
                or not
        warning: doubtful
        Next: tenure apply
        ");
    }

    #[test]
    fn ci_gets_no_next_line() {
        let (mut ui, err) = ui(Style::plain(), false);
        ui.next("tenure apply");
        assert_eq!(err.text(), "");
    }

    #[test]
    fn only_yes_is_a_yes() -> io::Result<()> {
        let (mut ui, _) = ui(Style::plain(), true);
        for (answer, is_yes) in [("yes\n", true), (" yes\r\n", true), ("y\n", false), ("YES\n", false), ("", false)] {
            assert_eq!(ui.confirm("Apply this plan?", &mut answer.as_bytes())?, is_yes, "{answer:?}");
        }
        Ok(())
    }

    #[test]
    fn a_reader_that_has_gone_away_is_no_failure_but_a_full_disk_is() {
        let style = Style::plain();
        let ui = |kind| Ui::new(Box::new(Failing(kind)), Box::new(io::sink()), style, false, true);
        assert_eq!(ui(io::ErrorKind::BrokenPipe).result("text"), Ok(()));
        assert!(ui(io::ErrorKind::StorageFull).result("text").is_err());
    }
}
