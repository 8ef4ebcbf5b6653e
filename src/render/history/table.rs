//! Rows in columns where there is room for them, and as a few lines where there is not.

use crate::render::line::{Line, Page, columns, fill};
use crate::render::style::Tone;

/// What becomes of a last column that the line has no room for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// It stands below, under the second column: it explains itself without its head.
    Tucks,
    /// Then no column has its place, and every row becomes a few lines.
    Counts,
}

/// Columns as wide as their longest entry.
pub fn table<const N: usize>(page: &mut Page, head: [&str; N], rows: &[[String; N]], last: Last) {
    let widths: Vec<usize> = (0..N)
        .map(|column| {
            let longest = rows.iter().map(|row| columns(&row[column])).max().unwrap_or(0);
            longest.max(columns(head[column]))
        })
        .collect();
    let wide = |columns: usize| 2 + widths.iter().take(columns).map(|width| width + 2).sum::<usize>() - 2;
    let width = page.style.width;
    let heads = head.map(str::to_owned);
    if wide(N) <= width {
        set(page, &heads, &widths, Tone::Dim);
        rows.iter().for_each(|row| set(page, row, &widths, Tone::Plain));
    } else if last == Last::Tucks && wide(N - 1) <= width {
        let below = 2 + widths[0] + 2;
        set(page, &heads[..N - 1], &widths, Tone::Dim);
        for row in rows {
            set(page, &row[..N - 1], &widths, Tone::Plain);
            page.prose(below, Tone::Dim, &row[N - 1]);
        }
    } else {
        rows.iter().for_each(|row| stack(page, &head, row));
    }
}

fn set(page: &mut Page, row: &[String], widths: &[usize], tone: Tone) {
    let mut line = Line::indented(2);
    let mut at = 2;
    for (cell, width) in row.iter().zip(widths) {
        line = line.then(tone, cell.clone());
        at += width + 2;
        line = line.at_column(at);
    }
    page.line(&line);
}

/// A row as a few lines: the first two cells stand for themselves, the others behind their heads.
fn stack<const N: usize>(page: &mut Page, head: &[&str; N], row: &[String; N]) {
    let [first, second, rest @ ..] = &row[..] else { return };
    page.line(&Line::indented(2).then(Tone::Plain, first.clone()).then(Tone::Strong, format!("  {second}")));
    let told: Vec<String> = head.iter().skip(2).zip(rest).map(|(head, cell)| format!("{head} {cell}")).collect();
    for line in fill(&told, ", ", page.style.width.saturating_sub(6)) {
        page.line(&Line::indented(6).then(Tone::Dim, line));
    }
}
