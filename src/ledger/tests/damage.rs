//! Ledgers that were cut, edited, mixed up, or never were one.

use super::*;
use crate::ledger::{chain, replay};
use crate::problem::{Kind, Problem};

fn refused(bytes: &[u8]) -> Problem {
    let problem = replay(bytes, ".tenure/ledger.jsonl").expect_err("it is damaged");
    assert_eq!(problem.kind, Kind::Failed);
    assert!(problem.hint.as_ref().is_some_and(|hint| hint.contains("nothing was sent and nothing was written")));
    problem
}

fn text() -> String {
    String::from_utf8(bytes(&sample())).unwrap()
}

/// The sample with its lines changed as text.
fn with_lines(change: impl FnOnce(&mut Vec<String>)) -> Vec<u8> {
    let text = text();
    let mut lines = text.lines().map(str::to_owned).collect();
    change(&mut lines);
    lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes()
}

#[test]
fn nothing_is_an_empty_ledger() {
    let replay = replay(b"", "x").unwrap();
    assert_eq!((replay.ledger, replay.lines.len(), replay.torn), (Ledger::default(), 0, None));
}

#[test]
fn what_was_written_is_read() {
    let lines = sample();
    let replay = replay(&bytes(&lines), "x").unwrap();
    assert_eq!(replay.lines, lines);
    assert_eq!(replay.ledger.head, lines[9].hash);
    assert_eq!(replay.ledger.seq, 10);
}

#[test]
fn a_file_cut_anywhere_in_its_last_lines_is_a_shorter_ledger() {
    let whole = bytes(&sample());
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').map(|at| at + 1).collect();
    for length in ends[6]..=whole.len() {
        let good = ends.iter().copied().filter(|end| *end <= length).max().unwrap();
        let cut = replay(&whole[..length], "x").unwrap();
        assert_eq!(cut.lines, replay(&whole[..good], "x").unwrap().lines, "cut at {length}");
        assert_eq!(cut.torn, (good != length).then_some(good as u64), "cut at {length}");
    }
}

#[test]
fn the_first_line_may_be_the_torn_one() {
    let whole = text();
    let first = whole.find('\n').unwrap();
    for length in 1..=first {
        assert_eq!(replay(&whole.as_bytes()[..length], "x").unwrap().torn, Some(0), "cut at {length}");
    }
    assert_eq!(replay(&[0; 512], "x").unwrap().torn, Some(0), "zeros of a crash");
}

#[test]
fn no_byte_can_be_changed_unseen() {
    let whole = bytes(&sample());
    let last_line = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for position in 0..whole.len() {
        for other in [whole[position] ^ 0x01, whole[position] ^ 0x20, b'\n'] {
            let mut changed = whole.clone();
            changed[position] = other;
            if changed == whole {
                continue;
            }
            // Only the end of the file can be lost without a word: an entry without its end was never acted upon.
            let torn = position == whole.len() - 1;
            match replay(&changed, "x") {
                Ok(replay) => {
                    assert!(torn && replay.torn == Some(last_line as u64), "byte {position} to {other}: {replay:?}");
                }
                Err(_) => assert!(!torn || other == b'\n', "byte {position} to {other}"),
            }
        }
    }
}

#[test]
fn an_edited_value_is_named_by_its_line() {
    let edited = text().replace("team\":\"web", "team\":\"app");
    let problem = refused(edited.as_bytes());
    assert_eq!(problem.place.as_ref().unwrap().to_string(), ".tenure/ledger.jsonl:3:1");
    assert!(problem.message.contains("changed after it was written: its hash says"), "{problem}");
    assert!(problem.hint.unwrap().contains("restore .tenure/ledger.jsonl from version control or a backup"));
}

#[test]
fn lines_that_are_missing_doubled_or_swapped_are_found() {
    for (changed, line, says) in [
        (with_lines(|lines| drop(lines.remove(4))), 5, "this is entry 6 where entry 5 belongs"),
        (with_lines(|lines| drop(lines.remove(0))), 1, "this is entry 2 where entry 1 belongs"),
        (with_lines(|lines| lines.insert(3, lines[3].clone())), 5, "this is entry 4 where entry 5 belongs"),
        (with_lines(|lines| lines.swap(1, 2)), 2, "this is entry 3 where entry 2 belongs"),
        (with_lines(|lines| lines.insert(2, String::new())), 3, "is not JSON"),
    ] {
        let problem = refused(&changed);
        assert_eq!(problem.place.as_ref().unwrap().line, line, "{problem}");
        assert!(problem.message.contains(says), "{problem}");
    }
}

/// Each line is good for itself, and they are of two ledgers.
#[test]
fn a_line_of_another_ledger_does_not_fit() {
    let other = lines([began("arn:aws:iam::123456789012:user/other"), declared("db"), ended()]);
    let problem = refused(&with_lines(|lines| lines[2] = other[2].to_json_line().trim_end().to_owned()));
    assert!(problem.message.contains("does not follow the line before"), "{problem}");
}

/// Whoever edits a line and makes its hash anew has to make all that follow anew.
#[test]
fn a_new_hash_for_an_edited_line_breaks_the_chain() {
    let mut lines = sample();
    let edited = chain::seal(declared("forged"), minute(2), "run-1", &lines[1].prev, 2);
    lines[1] = edited;
    let problem = refused(&bytes(&lines));
    assert_eq!(problem.place.unwrap().line, 3);
}

#[test]
fn a_newer_version_asks_for_an_upgrade_whatever_else_it_says() {
    let newer = text().replacen("{\"v\":1", "{\"v\":2", 1);
    let foreign = "{\"v\":7,\"entry\":{\"type\":\"dreamt\"},\"crc\":5}\n";
    for newer in [newer.as_str(), foreign] {
        let problem = refused(newer.as_bytes());
        assert!(problem.message.contains("written by a newer tenure"), "{problem}");
        assert!(problem.hint.unwrap().contains("upgrade"));
    }
    let sealed = with_version(2);
    assert!(refused(sealed.as_bytes()).message.contains("format version 2 is newer"));
    assert!(refused(with_version(0).as_bytes()).message.contains("format version 0 does not exist"));
}

/// A line of another version with a good hash.
fn with_version(version: u32) -> String {
    let line = chain::seal(ended(), minute(1), "run-1", chain::ORIGIN, 1).to_json_line();
    let content = line.split(",\"hash\"").next().unwrap().replacen("\"v\":1", &format!("\"v\":{version}"), 1);
    let hash = chain::sha256(&[content.as_bytes(), b"}"]);
    format!("{content},\"hash\":\"{hash}\"}}\n")
}

#[test]
fn what_is_not_a_ledger_is_left_alone() {
    for (bytes, says) in [
        (b"my notes, without an end of line".as_slice(), "this is not a ledger"),
        (b"# my notes\n", "is not JSON (column 1)"),
        (b"{}\n", "is not a ledger entry"),
        (b"{\"v\":1}\n", "is not a ledger entry"),
        (b"\xff\xfe{\0\n", "is not UTF-8 text"),
        (b"\n", "is not JSON"),
    ] {
        let problem = refused(bytes);
        assert!(problem.message.contains(says), "{problem}");
    }
}

#[test]
fn converted_line_ends_are_recognised() {
    let problem = refused(text().replace('\n', "\r\n").as_bytes());
    assert!(problem.message.contains("carriage return"), "{problem}");
}

#[test]
fn a_line_with_blanks_is_not_as_it_was_written() {
    let blanks = with_lines(|lines| lines[9] = lines[9].replace("\"}", "\" }"));
    assert!(refused(&blanks).message.contains("changed after it was written"));
}

#[test]
fn a_sealed_line_that_cannot_follow_is_damage_too() {
    let lines = lines([began(ADMIN), succeeded(1, "web", "pp-1")]);
    let problem = refused(&bytes(&lines));
    assert!(problem.message.contains("entry 2 (`succeeded`) cannot follow for web@prod, which is idle"), "{problem}");
}

/// A value that a damaged line happens to hold never reaches a message.
#[test]
fn messages_quote_nothing() {
    let edited = text().replace("\"began\"", "\"hunter2\"");
    assert!(!refused(edited.as_bytes()).to_string().contains("hunter2"));
}

/// A later minor version may add fields with a default; the hash is over what is written.
#[test]
fn fields_that_are_not_known_yet_are_passed_over() {
    let line = chain::seal(ended(), minute(1), "run-1", chain::ORIGIN, 1).to_json_line();
    let content = line.split(",\"hash\"").next().unwrap().replacen("\"failed\":0", "\"failed\":0,\"mood\":\"good\"", 1);
    let hash = chain::sha256(&[content.as_bytes(), b"}"]);
    let added = format!("{content},\"hash\":\"{hash}\"}}\n");
    assert_eq!(replay(added.as_bytes(), "x").unwrap().ledger.head, hash);
}

#[test]
fn the_schema_names_every_kind_of_entry() {
    let schema = crate::ledger::schema().to_string();
    for line in sample() {
        assert!(schema.contains(&format!("\"{}\"", line.entry.word())), "{}", line.entry.word());
    }
}
