//! Speeds of the kernels on one thread, each beside a bound: `cargo run --profile bench --example kernels [threads]`.

use std::hint::black_box;
use std::time::Instant;

use rayon::ThreadPoolBuilder;
use veritorch_execute::kernels::{combine_rows, contract_first, contract_last, evaluate_columns};
use veritorch_execute::{Params, TensorData, run};
use veritorch_graph::circuit::{
    AxisFactor, AxisLink, AxisMap, Circuit, ConvGeometry, Op, ParamInfo, Policy, Port, SeparableMap, Table, TableId,
    Tensor, TensorId, Term,
};

/// Channels of VGG-16's convolutions on 32 x 32 images; `0` is a pool that halves both extents.
const VGG: [usize; 18] = [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let threads = std::env::args().nth(1).map_or(Ok(1), |arg| arg.parse())?;
    let pool = ThreadPoolBuilder::new().num_threads(threads).build()?;
    println!("{threads} thread(s)");
    pool.install(|| {
        vgg(1);
        vgg(16);
        transformer();
        linear();
        rows();
        columns();
        contractions();
    });
    Ok(())
}

/// Mean time of a run in seconds: the processor's time where the system tells it and one thread works, so that
/// other programs do not count, else the clock's.
fn time<T>(mut f: impl FnMut() -> T) -> f64 {
    black_box(f());
    let (start, busy) = (Instant::now(), processor_seconds());
    let mut runs = 0.0;
    while start.elapsed().as_secs_f64() < 1.0 || runs < 3.0 {
        black_box(f());
        runs += 1.0;
    }
    let busy = processor_seconds().zip(busy).map(|(end, start)| end - start);
    let elapsed = start.elapsed().as_secs_f64();
    busy.filter(|_| rayon::current_num_threads() == 1).unwrap_or(elapsed) / runs
}

/// Processor time of all threads so far.
fn processor_seconds() -> Option<f64> {
    let mut nanoseconds = 0u64;
    for task in std::fs::read_dir("/proc/self/task").ok()? {
        let stat = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        nanoseconds += stat.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(nanoseconds as f64 / 1e9)
}

/// Small pseudo-random integers.
fn integers(len: usize, bits: u32) -> Vec<i64> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state as i64) >> (64 - bits)
    };
    (0..len).map(|_| next()).collect()
}

fn field<const D: usize>(len: usize) -> Vec<[u64; D]> {
    let values = integers(len * D, 62);
    values.chunks_exact(D).map(|v| std::array::from_fn(|d| v[d].unsigned_abs())).collect()
}

fn tensor(circuit: &mut Circuit, shape: &[usize], op: Op, min: i64, max: i64) -> TensorId {
    let id = TensorId(circuit.tensors.len() as u32);
    let name = format!("{}{}", op.name(), id.0);
    circuit.tensors.push(Tensor { node: name.clone(), name, shape: shape.to_vec(), op, min, max });
    id
}

fn empty_circuit() -> Circuit {
    Circuit {
        name: "benchmark".to_owned(),
        tensors: Vec::new(),
        tables: Vec::new(),
        params: Vec::new(),
        constraints: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        policy: Policy::default(),
        batch: 0,
    }
}

/// `table[floor((acc * M + half) / 2^16)]` with the remainder that the proof looks up.
fn requantise(circuit: &mut Circuit, acc: TensorId, channels: usize) -> TensorId {
    let shape = circuit.tensor(acc).shape.clone();
    let factors = AxisMap::Diagonal(integers(channels, 8).iter().map(|m| m + 200).collect());
    let mut map = SeparableMap::identity(3);
    map.links[0] = AxisLink::Map { input: 0, output: 0, map: factors };
    let constant = vec![(1 << 15, vec![AxisFactor::Ones; 3])];
    let op = Op::Linear { terms: vec![Term { x: acc, coefficient: 1, map }], constant };
    let t = tensor(circuit, &shape, op, -(1 << 40), 1 << 40);
    let q = tensor(circuit, &shape, Op::FloorShift { x: t, shift: 16 }, -(1 << 15), (1 << 15) - 1);
    let identity = |x, coefficient| Term { x, coefficient, map: SeparableMap::identity(3) };
    let op = Op::Linear { terms: vec![identity(t, 1), identity(q, -65_536)], constant: Vec::new() };
    tensor(circuit, &shape, op, 0, 65_535);
    tensor(circuit, &shape, Op::Lookup { x: q, table: TableId(0) }, 0, 127)
}

/// `max(a, b) = b + relu(a - b)` of neighbours along an axis.
fn pool(circuit: &mut Circuit, x: TensorId, axis: usize) -> TensorId {
    let mut shape = circuit.tensor(x).shape.clone();
    shape[axis] /= 2;
    let slice = |start, coefficient| {
        let mut map = SeparableMap::identity(3);
        map.links[axis] = AxisLink::Map { input: axis, output: axis, map: AxisMap::Strided { start, step: 2 } };
        Term { x, coefficient, map }
    };
    let op = Op::Linear { terms: vec![slice(0, 1), slice(1, -1)], constant: Vec::new() };
    let difference = tensor(circuit, &shape, op, -128, 127);
    let relu = tensor(circuit, &shape, Op::Lookup { x: difference, table: TableId(1) }, 0, 127);
    let relu = Term { x: relu, coefficient: 1, map: SeparableMap::identity(3) };
    let op = Op::Linear { terms: vec![slice(1, 1), relu], constant: Vec::new() };
    tensor(circuit, &shape, op, 0, 127)
}

fn vgg(batch: usize) {
    let mut circuit = empty_circuit();
    let relu = |min: i64, len: i64, shift: i64| (0..len).map(|i| ((min + i) >> shift).clamp(0, 127) as i32).collect();
    for (min, len, shift) in [(-(1i64 << 15), 1i64 << 16, 6), (-128, 256, 0)] {
        circuit.tables.push(Table::Function { min, values: relu(min, len, shift), name: "relu".to_owned() });
    }
    let (mut channels, mut size, mut macs) = (3, 32, 0);
    let mut x = tensor(&mut circuit, &[3, 32, 32], Op::Input { index: 0 }, -128, 127);
    circuit.inputs.push(Port { name: "x".to_owned(), tensor: x, shape: vec![3, 32, 32], scale: vec![1.0] });
    let mut weights = Vec::new();
    for outputs in VGG {
        if outputs == 0 {
            x = pool(&mut circuit, x, 1);
            x = pool(&mut circuit, x, 2);
            size /= 2;
            continue;
        }
        let shape = [9, outputs, channels];
        let param = circuit.params.len();
        circuit.params.push(ParamInfo { name: format!("w{param}"), shape, num_planes: 1 });
        weights.push(integers(9 * outputs * channels, 5));
        let w = tensor(&mut circuit, &shape, Op::Weight { param }, -128, 127);
        let geometry = ConvGeometry { kernel: [3, 3], strides: [1, 1], dilations: [1, 1], pads: [1, 1], groups: 1 };
        let acc = tensor(&mut circuit, &[outputs, size, size], Op::Conv { x, w, geometry }, -(1 << 30), 1 << 30);
        macs += 9 * outputs * channels * size * size;
        x = requantise(&mut circuit, acc, outputs);
        channels = outputs;
    }
    let shape = circuit.tensor(x).shape.clone();
    circuit.outputs.push(Port { name: "y".to_owned(), tensor: x, shape, scale: vec![1.0] });
    let params = Params::from_values(&circuit.params, &weights).expect("weights fit");
    let circuit = circuit.instantiate(batch);
    let input = vec![integers(batch * 3 * 32 * 32, 8)];
    let seconds = time(|| run(&circuit, &params, &input));
    println!(
        "vgg-16, batch {batch}: {:.2} ms per image, {:.1} GMAC/s with all layers (bound 15 ms)",
        seconds / batch as f64 * 1e3,
        (macs * batch) as f64 / seconds / 1e9
    );
}

/// Layers of a transformer on operands of 16 bits.
fn transformer() {
    let half = (-(1i64 << 15), (1i64 << 15) - 1);
    let wide = (-(1i64 << 48), 1i64 << 48);
    let input = |circuit: &mut Circuit, shape: &[usize]| {
        let index = circuit.inputs.len();
        let x = tensor(circuit, shape, Op::Input { index }, half.0, half.1);
        circuit.inputs.push(Port { name: format!("x{index}"), tensor: x, shape: shape.to_vec(), scale: vec![1.0] });
        x
    };
    let report = |what: &str, mut circuit: Circuit, weights: &[Vec<i64>], count: usize, bound: f64| {
        let y = circuit.tensors.len() - 1;
        let shape = circuit.tensors[y].shape.clone();
        circuit.outputs.push(Port { name: "y".to_owned(), tensor: TensorId(y as u32), shape, scale: vec![1.0] });
        let params = Params::from_values(&circuit.params, weights).expect("weights fit");
        let circuit = circuit.instantiate(1);
        let lens = circuit.inputs.iter().map(|port| port.shape.iter().product());
        let inputs: Vec<Vec<i64>> = lens.map(|len| integers(len, 16)).collect();
        let seconds = time(|| run(&circuit, &params, &inputs));
        println!("{what}: {:.3} ns per product (bound {bound})", seconds / count as f64 * 1e9);
    };
    let (tokens, width, heads) = (64, 768, 12);
    let mut circuit = empty_circuit();
    let x = input(&mut circuit, &[tokens, width]);
    circuit.params.push(ParamInfo { name: "w".to_owned(), shape: [1, 4 * width, width], num_planes: 2 });
    let w = tensor(&mut circuit, &[1, 4 * width, width], Op::Weight { param: 0 }, -32_896, 32_639);
    tensor(&mut circuit, &[tokens, 4 * width], Op::Dense { x, w }, wide.0, wide.1);
    let weights = integers(4 * width * width, 16).iter().map(|&w| w.min(32_639)).collect();
    report("dense, 16 bits by 16", circuit, &[weights], tokens * 4 * width * width, 0.1);
    for (what, shapes, count) in [
        ("scores of heads", [[heads, tokens, 64], [heads, 64, tokens]], heads * tokens * tokens * 64),
        ("long scores of heads", [[heads, 512, 64], [heads, 64, 512]], heads * 512 * 512 * 64),
    ] {
        let mut circuit = empty_circuit();
        let (a, b) = (input(&mut circuit, &shapes[0]), input(&mut circuit, &shapes[1]));
        let shape = [heads, shapes[0][1], shapes[1][2]];
        tensor(&mut circuit, &shape, Op::MatMul { a, b }, wide.0, wide.1);
        report(what, circuit, &[], count, 0.3);
    }
    let mut circuit = empty_circuit();
    let (a, b) = (input(&mut circuit, &[tokens, 4 * width]), input(&mut circuit, &[tokens, 4 * width]));
    tensor(&mut circuit, &[tokens, 4 * width], Op::Mul { a, b }, -(1 << 31), 1 << 31);
    report("entrywise product", circuit, &[], tokens * 4 * width, 1.0);
    for axis in [0, 1] {
        let mut circuit = empty_circuit();
        let x = input(&mut circuit, &[tokens, 4 * width]);
        let mut shape = [tokens, 4 * width];
        shape[axis] = 1;
        let terms = vec![Term { x, coefficient: 1, map: SeparableMap::across(2, &[axis]) }];
        let sum = tensor(&mut circuit, &shape, Op::Linear { terms, constant: Vec::new() }, wide.0, wide.1);
        let terms = vec![Term { x: sum, coefficient: 1, map: SeparableMap::across(2, &[axis]) }];
        tensor(&mut circuit, &[tokens, 4 * width], Op::Linear { terms, constant: Vec::new() }, wide.0, wide.1);
        report(&format!("sum over axis {axis}, repeated"), circuit, &[], tokens * 4 * width, 2.0);
    }
}

fn linear() {
    let len = 1 << 20;
    let mut circuit = empty_circuit();
    let shape = [256, 64, 64];
    let acc = tensor(&mut circuit, &shape, Op::Input { index: 0 }, -(1 << 30), 1 << 30);
    circuit.inputs.push(Port { name: "x".to_owned(), tensor: acc, shape: shape.to_vec(), scale: vec![1.0] });
    circuit.tables.push(Table::Function { min: -(1 << 15), values: vec![1; 1 << 16], name: "one".to_owned() });
    let x = requantise(&mut circuit, acc, 256);
    circuit.outputs.push(Port { name: "y".to_owned(), tensor: x, shape: shape.to_vec(), scale: vec![1.0] });
    let params = Params::from_values(&[], &[]).expect("no weights");
    let circuit = circuit.instantiate(1);
    let input = vec![integers(len, 20)];
    let seconds = time(|| run(&circuit, &params, &input));
    println!("requantise, four operators: {:.2} ns per entry (bound 10)", seconds / len as f64 * 1e9);
}

fn rows() {
    for num_rows in [4, 232] {
        let len = 1 << 16;
        let values: Vec<i8> = integers(num_rows * len, 8).iter().map(|&v| v as i8).collect();
        let rows: Vec<&[i8]> = values.chunks_exact(len).collect();
        let coefs = field::<2>(num_rows);
        let seconds = time(|| combine_rows(&rows, &coefs));
        println!(
            "combine_rows, {num_rows} x {len}, two limbs: {:.2} ms, {:.2} G weights/s (bound 20 ms for 232 rows)",
            seconds * 1e3,
            (num_rows * len) as f64 / seconds / 1e9
        );
    }
}

fn columns() {
    let (num_rows, len, num_points) = (232, 1 << 16, 102);
    let values: Vec<i8> = integers(num_rows * len, 8).iter().map(|&v| v as i8).collect();
    let rows: Vec<&[i8]> = values.chunks_exact(len).collect();
    let points: Vec<u64> = field::<1>(num_points).iter().map(|v| v[0]).collect();
    let seconds = time(|| evaluate_columns(&rows, &points));
    println!(
        "evaluate_columns, {num_rows} x {len} at {num_points} points: {:.1} ms, {:.1} G byte products/s (bound 200 ms)",
        seconds * 1e3,
        (num_rows * len * num_points * 8) as f64 / seconds / 1e9
    );
}

fn contractions() {
    let (num_rows, len) = (256, 1 << 12);
    for bits in [16, 32, 48] {
        let max = (1i64 << (bits - 1)) - 1;
        let x = TensorData::from_values(&integers(num_rows * len, bits), -max - 1, max);
        let (along, across) = (field::<2>(len), field::<2>(num_rows));
        let last = time(|| contract_last(x.view(), &along)) / (num_rows * len) as f64 * 1e9;
        let first = time(|| contract_first(x.view(), &across)) / (num_rows * len) as f64 * 1e9;
        println!("contract {bits} bits, two limbs: last {last:.2}, first {first:.2} ns per entry (bound 1 at 16 bits)");
    }
}
