//! Colours and width. Colour repeats what a symbol and a word already say, never more.

use anstyle::AnsiColor;

/// How text may look: whether it has colours and how many columns it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    pub color: bool,
    pub width: usize,
}

impl Style {
    /// No colours, the width that output has when it is not a terminal.
    #[must_use]
    pub fn plain() -> Self {
        Style { color: false, width: 100 }
    }

    /// Below this, an old and a new value stand on two lines.
    pub(crate) fn is_narrow(self) -> bool {
        self.width < 60
    }

    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.color || tone == Tone::Plain || text.is_empty() {
            return text.to_owned();
        }
        let style = tone.style();
        format!("{style}{text}{style:#}")
    }
}

/// What a piece of text is for. The palette is the terminal's own 16 colours, so that it follows the reader's theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Strong,
    Dim,
    Add,
    Change,
    Remove,
    Owner,
    Role,
    Alert,
}

impl Tone {
    fn style(self) -> anstyle::Style {
        let colour = |colour: AnsiColor| anstyle::Style::new().fg_color(Some(colour.into()));
        match self {
            Tone::Plain => anstyle::Style::new(),
            Tone::Strong => anstyle::Style::new().bold(),
            Tone::Dim => anstyle::Style::new().dimmed(),
            Tone::Add => colour(AnsiColor::Green),
            Tone::Change => colour(AnsiColor::Yellow),
            Tone::Remove => colour(AnsiColor::Red),
            Tone::Owner => colour(AnsiColor::Magenta),
            Tone::Role => colour(AnsiColor::Cyan),
            Tone::Alert => colour(AnsiColor::Red).bold(),
        }
    }
}

impl From<crate::plan::Action> for Tone {
    fn from(action: crate::plan::Action) -> Self {
        use crate::plan::Action;
        match action {
            Action::Provision => Tone::Add,
            Action::Update => Tone::Change,
            Action::Replace | Action::Terminate => Tone::Remove,
            Action::SetLaunchRole => Tone::Role,
            Action::SetOwner => Tone::Owner,
            Action::Adopt | Action::Move | Action::Forget | Action::Declare => Tone::Plain,
        }
    }
}

impl From<crate::model::StepKind> for Tone {
    fn from(kind: crate::model::StepKind) -> Self {
        use crate::model::StepKind;
        match kind {
            StepKind::Provision => Tone::Add,
            StepKind::Update => Tone::Change,
            StepKind::Terminate => Tone::Remove,
            StepKind::SetLaunchRole => Tone::Role,
            StepKind::SetOwner => Tone::Owner,
            StepKind::Prepare | StepKind::Execute => Tone::Change,
        }
    }
}
