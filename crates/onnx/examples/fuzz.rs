//! Feeds damaged ONNX files to the importer and stops at the first panic, slow file or broken graph.
//!
//! `cargo run --release -p veritorch-onnx --example fuzz -- SECONDS [SEED] FILE.onnx ..`. Files are damaged as bytes and as
//! protobuf messages: fields changed, doubled, dropped, exchanged between files, lengths kept right. A file that fails
//! is written beside the current folder as `fuzz-failure.onnx`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use veritorch_onnx::load_bytes;

/// No file of a few kilobytes may take longer.
const SLOW: Duration = Duration::from_secs(5);

/// xorshift64*: the same seed gives the same files.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }
}

/// A protobuf field.
#[derive(Clone)]
enum Field {
    Varint(u64, u64),
    Fixed(u64, Vec<u8>),
    Bytes(u64, Vec<u8>),
    Message(u64, Vec<Field>),
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The fields of a message, or `None` where the bytes are no message.
fn parse(mut bytes: &[u8], depth: usize) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let tag = key >> 3;
        if tag == 0 || tag > 64 {
            return None;
        }
        fields.push(match key & 7 {
            0 => Field::Varint(tag, varint(&mut bytes)?),
            wire @ (1 | 5) => {
                let (data, rest) = bytes.split_at_checked(if wire == 1 { 8 } else { 4 })?;
                bytes = rest;
                Field::Fixed(tag, data.to_vec())
            }
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (data, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                match parse(data, depth + 1).filter(|_| depth < 6 && !data.is_empty()) {
                    Some(message) => Field::Message(tag, message),
                    None => Field::Bytes(tag, data.to_vec()),
                }
            }
            _ => return None,
        });
    }
    Some(fields)
}

fn write(fields: &[Field], out: &mut Vec<u8>) {
    for field in fields {
        match field {
            Field::Varint(tag, value) => {
                put_varint(tag << 3, out);
                put_varint(*value, out);
            }
            Field::Fixed(tag, data) => {
                put_varint(tag << 3 | if data.len() == 8 { 1 } else { 5 }, out);
                out.extend(data);
            }
            Field::Bytes(tag, data) => {
                put_varint(tag << 3 | 2, out);
                put_varint(data.len() as u64, out);
                out.extend(data);
            }
            Field::Message(tag, message) => {
                let mut inner = Vec::new();
                write(message, &mut inner);
                put_varint(tag << 3 | 2, out);
                put_varint(inner.len() as u64, out);
                out.extend(inner);
            }
        }
    }
}

/// Walks down to a random message and damages one of its fields; `donor` lends fields.
fn damage(fields: &mut Vec<Field>, donor: &[Field], random: &mut Random) {
    const NUMBERS: [u64; 16] = [
        0,
        1,
        2,
        3,
        4,
        5,
        7,
        16,
        255,
        1 << 16,
        1 << 31,
        1 << 40,
        i64::MAX as u64,
        u64::MAX,
        u64::MAX - 1,
        1 << 63,
    ];
    if fields.is_empty() {
        return;
    }
    let at = random.below(fields.len());
    let inner_donor = match donor.get(random.below(donor.len())) {
        Some(Field::Message(_, message)) => message.as_slice(),
        _ => donor,
    };
    if let Field::Message(_, message) = &mut fields[at]
        && random.below(8) != 0
    {
        damage(message, inner_donor, random);
        return;
    }
    match random.below(6) {
        0 => {
            fields.remove(at);
        }
        1 => fields.insert(at, fields[at].clone()),
        2 => {
            if let Some(lent) = donor.get(random.below(donor.len())) {
                fields[at] = lent.clone();
            }
        }
        3 => {
            let other = random.below(fields.len());
            fields.swap(at, other);
        }
        _ => match &mut fields[at] {
            Field::Varint(_, value) => *value = NUMBERS[random.below(NUMBERS.len())],
            Field::Fixed(_, data) | Field::Bytes(_, data) if !data.is_empty() => {
                let position = random.below(data.len());
                data[position] = random.next() as u8;
            }
            Field::Fixed(tag, _) | Field::Bytes(tag, _) | Field::Message(tag, _) => {
                *tag = 1 + random.next() % 24
            }
        },
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).peekable();
    let seconds: u64 = arguments
        .next()
        .ok_or("a number of seconds is missing")?
        .parse()?;
    let seed = arguments.peek().and_then(|text| text.parse::<u64>().ok());
    if seed.is_some() {
        arguments.next();
    }
    let mut random = Random(seed.unwrap_or(1).max(1));
    let files = arguments
        .map(std::fs::read)
        .collect::<Result<Vec<_>, _>>()?;
    let trees: Vec<Vec<Field>> = files.iter().filter_map(|file| parse(file, 0)).collect();
    if trees.is_empty() {
        return Err("no files".into());
    }
    let start = Instant::now();
    let (mut runs, mut loaded, mut slowest) = (0u64, 0u64, Duration::ZERO);
    while start.elapsed() < Duration::from_secs(seconds) {
        let mut tree = trees[random.below(trees.len())].clone();
        let donor = random.below(trees.len());
        for _ in 0..=random.below(4) {
            damage(&mut tree, &trees[donor], &mut random);
        }
        let mut bytes = Vec::new();
        write(&tree, &mut bytes);
        if random.below(4) == 0 && !bytes.is_empty() {
            let at = random.below(bytes.len());
            match random.below(3) {
                0 => bytes.truncate(at),
                1 => bytes[at] ^= 1 << random.below(8),
                _ => bytes[at] = random.next() as u8,
            }
        }
        let began = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| match load_bytes(&bytes, None) {
            Ok(graph) => graph.check().map(|()| true),
            Err(error) => {
                // the message is part of what must not panic
                let _ = (error.to_string(), error.hint());
                Ok(false)
            }
        }));
        let took = began.elapsed();
        slowest = slowest.max(took);
        runs += 1;
        match outcome {
            Ok(Ok(good)) if took < SLOW => loaded += u64::from(good),
            other => {
                std::fs::write("fuzz-failure.onnx", &bytes)?;
                return Err(
                    format!("run {runs}: {other:?} after {took:?}; see fuzz-failure.onnx").into(),
                );
            }
        }
    }
    println!("{runs} files, {loaded} loaded, slowest {slowest:?}, no failure");
    Ok(())
}
