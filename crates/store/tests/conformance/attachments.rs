//! Attachments, their chunks and the transfers that bring them.

use crate::support::{at, letter, message_id};
use crate::{on_every_engine, read, write};
use base::{Administration, Digest, MessageId};
use store::attachments::{self, Expected, NewAttachment, NewChunk};
use store::{StoreError, Tx, outbox, transfers};

const NEW: NewAttachment<'static> =
    NewAttachment { name: "scan.tif", media_type: "image/tiff", content_key: &[1; 32], secret: &[2; 32] };

fn france() -> Administration {
    Administration::parse("NTA.FR").unwrap()
}

fn message(byte: u8) -> MessageId {
    MessageId::new(at(1), [byte; 10])
}

fn put(tx: &mut dyn Tx, id: i64, number: u64) -> Result<bool, StoreError> {
    let byte = u8::try_from(number % 251).unwrap();
    let chunk = NewChunk { number, leaf: &[byte; 32], plaintext_leaf: &[byte + 1; 32], sealed: &[byte; 99] };
    attachments::put_chunk(tx, id, &chunk, at(2))
}

on_every_engine! {
    fn an_upload_is_bound_once_and_its_chunks_are_kept_once(place) {
        let store = place.store();
        let id = write(&store, |tx| attachments::begin(tx, &NEW, "officer", at(1)));
        assert!(!write(&store, move |tx| attachments::bind(tx, id, &france(), message(1), 1)), "not ready");
        assert!(write(&store, move |tx| put(tx, id, 0)));
        assert!(write(&store, move |tx| put(tx, id, 1)));
        assert!(!write(&store, move |tx| put(tx, id, 1)));
        let end = move |tx: &mut dyn Tx| attachments::complete(tx, id, (180, 2), Digest([7; 32]), at(3));
        assert!(write(&store, end));
        assert!(!write(&store, end));
        assert!(write(&store, move |tx| attachments::bind(tx, id, &france(), message(1), 1)));
        assert!(!write(&store, move |tx| attachments::bind(tx, id, &france(), message(2), 1)), "taken");
        let found = read(&store, |tx| attachments::of_message(tx, &message(1).to_string()));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].state.as_str(), found[0].size, found[0].chunks), ("bound", 180, 2));
        assert_eq!((found[0].content_key, found[0].secret), (Some([1; 32]), Some([2; 32])));
        assert_eq!(read(&store, move |tx| attachments::chunk(tx, id, 1)), Some(vec![1; 99]));
        assert_eq!(read(&store, move |tx| attachments::chunk(tx, id, 2)), None);
        let leaves = read(&store, move |tx| attachments::leaves(tx, id));
        assert_eq!(leaves.into_iter().collect::<Vec<_>>(), [(0, [0; 32]), (1, [1; 32])]);
    }

    fn that_a_message_has_attachments_is_seen_without_reading_them(place) {
        let store = place.store();
        let id = write(&store, |tx| attachments::begin(tx, &NEW, "officer", at(1)));
        write(&store, move |tx| attachments::complete(tx, id, (180, 2), Digest([7; 32]), at(3)));
        write(&store, move |tx| attachments::bind(tx, id, &france(), message(1), 1));
        write(&store, |tx| tx.execute("update attachment set content_key = ?1", &[vec![1u8; 3].into()]));
        assert!(store.read(|tx| attachments::of_message(tx, &message(1).to_string())).is_err(), "it is damaged");
        assert!(read(&store, |tx| attachments::has_any(tx, &message(1).to_string())));
        assert!(!read(&store, |tx| attachments::has_any(tx, &message(2).to_string())));
    }

    fn what_is_under_way_is_what_comes_and_what_open_letters_take_along(place) {
        let store = place.store();
        let ids = write(&store, |tx| {
            let ids: Vec<i64> =
                (0..3).map(|_| attachments::begin(tx, &NEW, "officer", at(1))).collect::<Result<_, _>>()?;
            for (number, id) in [(1, ids[0]), (2, ids[1])] {
                outbox::enqueue(tx, &letter(&france(), number, "A", i64::try_from(number).unwrap()))?;
                attachments::complete(tx, id, (180, 2), Digest([7; 32]), at(3))?;
                attachments::bind(tx, id, &france(), message_id(number), 1)?;
            }
            // A partner may give its message an identity of ours.
            let (sender, message_id) = (&france(), message_id(2));
            let root = Digest([9; 32]);
            let expected = Expected { sender, message_id, part: 1, size: 99, chunks: 1, plaintext_root: root };
            let came = attachments::expect(tx, &NEW, &expected, at(1))?;
            Ok([ids, vec![came]].concat())
        });
        let under_way = |after: i64, limit: usize| -> Vec<i64> {
            let found = read(&store, move |tx| attachments::under_way(tx, after, limit));
            found.iter().map(|one| one.id).collect()
        };
        assert_eq!(under_way(0, 9), ids);
        assert_eq!((under_way(ids[0], 2), under_way(ids[3], 9)), (ids[1..3].to_vec(), Vec::new()));
        assert!(write(&store, |tx| outbox::delivered(tx, 1, b"receipt", at(9))));
        assert_eq!(under_way(0, 9), ids[1..]);
    }

    fn erasure_takes_the_keys_at_once_and_the_chunks_in_steps(place) {
        let store = place.store();
        let id = write(&store, |tx| attachments::begin(tx, &NEW, "officer", at(1)));
        for number in 0..40 {
            write(&store, move |tx| put(tx, id, number));
        }
        assert!(write(&store, move |tx| attachments::erase(tx, id)));
        assert!(!write(&store, move |tx| attachments::erase(tx, id)));
        let erased = read(&store, move |tx| attachments::get(tx, id)).unwrap();
        assert_eq!((erased.state.as_str(), erased.content_key, erased.secret), ("erased", None, None));
        assert_eq!(read(&store, |tx| attachments::to_drop(tx, 9)), [id]);
        let steps: Vec<u64> =
            (0..3).map(|_| write(&store, move |tx| attachments::drop_chunks(tx, id))).collect();
        assert_eq!(steps, [32, 8, 0]);
        assert!(read(&store, |tx| attachments::to_drop(tx, 9)).is_empty());
    }

    fn hashes_are_read_to_the_last_page(place) {
        let store = place.store();
        let id = write(&store, |tx| attachments::begin(tx, &NEW, "officer", at(1)));
        let all = move |tx: &mut dyn Tx| (0..4100).try_for_each(|number| put(tx, id, number).map(drop));
        write(&store, all);
        assert_eq!(read(&store, move |tx| attachments::plaintext_leaves(tx, id)).len(), 4100);
        assert_eq!(read(&store, move |tx| attachments::count(tx, id)), 4100);
    }

    fn a_transfer_counts_until_it_ends_and_one_given_up_leaves_nothing_to_read(place) {
        let store = place.store();
        let offer = |byte: u8, expires: i64| move |tx: &mut dyn Tx| {
            let bytes = [byte; 9];
            let statement = (message(byte), Digest([byte; 32]), bytes.as_slice());
            transfers::offer(tx, &france(), statement, 1000, (at(expires), at(1)))
        };
        write(&store, offer(1, 50));
        write(&store, offer(2, 90));
        assert!(matches!(store.write(offer(2, 90)), Err(StoreError::Constraint { .. })));
        let expected = |byte: u8| move |tx: &mut dyn Tx| {
            let (sender, message_id) = (&france(), message(byte));
            let root = Digest([9; 32]);
            let expected = Expected { sender, message_id, part: 1, size: 99, chunks: 1, plaintext_root: root };
            attachments::expect(tx, &NEW, &expected, at(1))
        };
        let first = write(&store, expected(1));
        let second = write(&store, expected(2));
        assert_eq!(read(&store, |tx| transfers::load(tx, &france())), (2, 2000));
        assert_eq!(read(&store, transfers::load_of_all), 2000);
        let found = read(&store, |tx| transfers::transfer_of(tx, &france(), Digest([2; 32]))).unwrap();
        assert_eq!(Some(&found), read(&store, |tx| transfers::transfer(tx, &france(), message(2))).as_ref());
        assert!(!found.spoiled);
        write(&store, |tx| transfers::spoil(tx, &france(), &message(2).to_string()));
        assert!(read(&store, |tx| transfers::transfer(tx, &france(), message(2))).unwrap().spoiled);
        assert_eq!(read(&store, |tx| transfers::over(tx, at(50), at(0), 9)).len(), 1);
        assert_eq!(read(&store, |tx| transfers::over(tx, at(0), at(2), 9)).len(), 2);
        write(&store, |tx| transfers::give_up(tx, &france(), &message(1).to_string()));
        write(&store, |tx| {
            attachments::received(tx, &france(), message(2))?;
            transfers::end(tx, &france(), &message(2).to_string())
        });
        let state = |id: i64| read(&store, move |tx| attachments::get(tx, id)).unwrap().state;
        assert_eq!((state(first).as_str(), state(second).as_str()), ("given up", "received"));
        // Of what was given up nothing stays: the same offer signed anew could leave rows without end.
        write(&store, move |tx| put(tx, first, 0));
        assert_eq!(read(&store, |tx| attachments::to_drop(tx, 9)), [first]);
        assert_eq!([0, 1].map(|_| write(&store, move |tx| attachments::drop_chunks(tx, first))), [1, 0]);
        assert_eq!(read(&store, move |tx| attachments::get(tx, first)), None);
        assert_eq!(read(&store, |tx| transfers::load(tx, &france())), (0, 0));
        assert!(!write(&store, |tx| transfers::touch(tx, &france(), &message(1).to_string(), at(3))));
    }
}
