//! Laws that hold for any legal sequence.

use proptest::prelude::*;

use super::*;
use crate::ledger::history::{Office, chronicles, owners};
use crate::ledger::{Journal, MemoryStore, chain, replay};

/// An entry out of a small vocabulary, so that many happen to be legal.
fn entry() -> impl Strategy<Value = Entry> {
    let words = (0_u8..18, 0_usize..3, 0_usize..3, 0_usize..4, 1_u32..3);
    words.prop_map(|(kind, key, other, id, step)| {
        let keys = ["web", "db", "app"];
        let ids = ["pp-1", "pp-2", "pp-3", "pp-4"];
        let (key, other, id) = (keys[key], keys[other], ids[id]);
        match kind {
            0 => began(ADMIN),
            1 => declared(key),
            2 => needing(key, other),
            3 => stewarded(key, Some(other)),
            4 => adopted(key, id, owner(other)),
            5 => moved(key, other, id),
            6 => forgotten(key, id),
            7 | 8 => started(step, key, provision()),
            9 => started(step, key, update(id, arguments(&[("Size", other)]))),
            10 => started(step, key, set_owner(id, other)),
            11 => started(step, key, terminate(id)),
            12 | 13 => submitted(step, key, id),
            14 => succeeded(step, key, id),
            15 => failed(step, key, Failure::Rejected),
            16 => failed(step, key, Failure::Operation),
            _ => observed(key, id, owner(other)),
        }
    })
}

/// Whatever is legal of the entries, in their order.
fn legal(entries: Vec<Entry>) -> (Ledger, Vec<Entry>) {
    let mut ledger = Ledger::default();
    let mut kept = Vec::new();
    for entry in entries {
        let line = chain::seal(entry.clone(), minute(1), "run-1", &ledger.head, ledger.seq + 1);
        if ledger.fold(&line).is_ok() {
            kept.push(entry);
        }
    }
    (ledger, kept)
}

fn every_id(ledger: &Ledger) -> Vec<&String> {
    ledger.managed.values().flat_map(|managed| managed.former.iter().chain([&managed.id])).collect()
}

proptest! {
    #[test]
    fn replay_gives_what_the_fold_gave(entries in prop::collection::vec(entry(), 0..120)) {
        let (ledger, kept) = legal(entries);
        let mut head = chain::ORIGIN.to_owned();
        let mut text = String::new();
        for (entry, seq) in kept.into_iter().zip(1..) {
            let line = chain::seal(entry, minute(1), "run-1", &head, seq);
            text.push_str(&line.to_json_line());
            head.clone_from(&line.hash);
        }
        let again = replay(text.as_bytes(), "ledger").unwrap();
        prop_assert_eq!(&again.ledger, &ledger);
        prop_assert_eq!(again.torn, None);
        // The shortcuts are not the truth: without them everything comes out the same.
        let mut without = ledger.clone();
        without.index = None;
        for id in every_id(&ledger) {
            prop_assert_eq!(ledger.address_of(id), without.address_of(id));
        }
    }

    #[test]
    fn one_id_has_one_address_and_every_step_something_to_stand_on(
        entries in prop::collection::vec(entry(), 0..120),
    ) {
        let (ledger, _) = legal(entries);
        let ids = every_id(&ledger);
        let distinct: BTreeSet<&String> = ids.iter().copied().collect();
        prop_assert_eq!(ids.len(), distinct.len());
        for (address, step) in &ledger.unsettled {
            prop_assert_eq!(address, &step.started.address);
            let product = step.started.request.product();
            let stands = ledger.managed.get(address).is_some_and(|managed| managed.holds(product));
            prop_assert!(stands || product.is_empty());
        }
        for address in ledger.managed.keys() {
            prop_assert!(!ledger.declared.contains_key(address));
        }
    }

    #[test]
    fn an_office_has_one_holder_at_a_time_and_nothing_of_ours_is_without_a_history(
        entries in prop::collection::vec(entry(), 0..120),
    ) {
        let (ledger, kept) = legal(entries);
        let all = chronicles(&lines(kept));
        for id in every_id(&ledger) {
            let chronicle = all.iter().find(|chronicle| chronicle.id == *id);
            prop_assert!(chronicle.is_some_and(|chronicle| chronicle.gone.is_none()), "{}", id);
            prop_assert_eq!(Some(&chronicle.unwrap().address), ledger.address_of(id));
        }
        for chronicle in &all {
            for office in [Office::Owner, Office::LaunchRole, Office::Steward] {
                let tenures: Vec<_> = chronicle.tenures.iter().filter(|tenure| tenure.office == office).collect();
                for (earlier, later) in tenures.iter().zip(tenures.iter().skip(1)) {
                    let until = earlier.until.expect("only the last one lasts");
                    prop_assert!(earlier.since.latest() <= until.latest());
                    prop_assert!(until.latest() <= later.since.latest());
                }
            }
        }
        // What the fold has seen last is what history says of now.
        for held in owners(&all, None).iter().filter(|held| held.tenure.office == Office::Owner) {
            let managed = ledger.managed.values().find(|managed| managed.id == held.chronicle.id);
            if let Some(seen) = managed.and_then(|managed| managed.seen.owner.as_ref()) {
                prop_assert_eq!(seen, &held.tenure.holder);
            }
        }
    }

    /// A journal tries a batch on an excerpt; that must decide as the whole ledger does.
    #[test]
    fn batches_are_judged_as_single_entries_are(
        entries in prop::collection::vec(entry(), 0..80),
        size in 1_usize..6,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = MemoryStore::default();
            let mut journal = Journal::open(Box::new(store.another()), "run-1".to_owned()).await.unwrap();
            let mut whole = Ledger::default();
            for batch in entries.chunks(size) {
                let mut trial = whole.clone();
                let all_legal = batch.iter().all(|entry| {
                    let line = chain::seal(entry.clone(), minute(1), "run-1", &trial.head, trial.seq + 1);
                    trial.fold(&line).is_ok()
                });
                let appended = journal.append(minute(1), batch.to_vec()).await;
                prop_assert_eq!(appended.is_ok(), all_legal);
                if all_legal {
                    whole = trial;
                }
                prop_assert_eq!(journal.ledger(), &whole);
            }
            prop_assert_eq!(&replay(&store.bytes(), "ledger").unwrap().ledger, &whole);
            Ok(())
        })?;
    }
}
