//! Text to ids and back.

use veritorch_checkpoint::{CheckpointError, Tokenizer};

use crate::{array, fixture, stories};

fn read(folder: &std::path::Path) -> Tokenizer {
    Tokenizer::read(&folder.join("tokenizer.json")).expect("tokenizer")
}

#[test]
fn stories_have_the_ids_of_llama2c() {
    let tokenizer = read(&stories());
    assert_eq!(tokenizer.vocabulary(), 512);
    let greedy: Vec<u32> = array(&fixture("stories260K.npz"), "greedy").into_iter().map(|id| id as u32).collect();
    let text = tokenizer.decode(&greedy).expect("text");
    assert!(text.starts_with("Once upon a time, there was a little girl named Lily. She loved to play outside in the park."));
    assert_eq!(tokenizer.encode(&text).expect("ids"), greedy);
    assert_eq!(tokenizer.encode("Once upon a time").expect("ids"), [1, 403, 407, 261, 378]);
}

#[test]
fn unknown_characters_are_bytes() {
    let tokenizer = read(&stories());
    assert_eq!(tokenizer.encode("\u{5b57}").expect("ids"), [1, 410, 0xe5 + 3, 0xad + 3, 0x97 + 3]);
    for text in ["", " ", "naïve café", "two  spaces\nand lines\n", "\u{5b57}\u{1f600}", " leading"] {
        let ids = tokenizer.encode(text).expect("ids");
        assert_eq!(tokenizer.decode(&ids).expect("text"), text);
    }
}

#[test]
fn windows_are_whole_sequences() {
    let tokenizer = read(&stories());
    let text = "Once upon a time, there was a cat.\n\nThe cat sat on a mat.\nIt was a good mat, and the cat was a good cat.\nThe end.\n";
    let windows = tokenizer.windows(text, 12).expect("windows");
    assert!(windows.len() >= 3 && windows.iter().all(|window| window.len() == 12 && window[0] == 1));
    let first = tokenizer.decode(&windows[0]).expect("text");
    assert!(text.starts_with(&first), "{first}");
    let error = tokenizer.windows("Too short.", 64).expect_err("short");
    assert!(matches!(&error, CheckpointError::Text { .. }), "{error}");
    assert!(tokenizer.windows("No room.", 1).is_err());
    assert!(tokenizer.windows("", 4).is_err());
}

#[test]
fn windows_of_an_encoder_end_in_its_separator() {
    let tokenizer = read(&fixture("bert"));
    // the file asks for padding to 16 tokens
    assert_eq!(tokenizer.encode("The cat sats.").expect("ids"), [2, 4, 5, 6, 11, 15, 3]);
    let windows = tokenizer.windows("The cat sat on a mat and a dog sat on the cat.", 6).expect("windows");
    assert_eq!(windows, [[2, 4, 5, 6, 7, 3], [2, 9, 8, 12, 9, 3], [2, 10, 6, 7, 4, 3]]);
}
