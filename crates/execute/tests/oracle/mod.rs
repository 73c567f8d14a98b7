//! Every operator by its definition, one entry at a time, in `i128`.

use veritorch_graph::circuit::{AxisLink, AxisMap, Circuit, ConvGeometry, Op, Table, Tensor, TensorId, Term, noise};

struct Values<'a> {
    circuit: &'a Circuit,
    data: Vec<Vec<i64>>,
}

/// Values of every tensor, row-major.
pub(crate) fn values(circuit: &Circuit, weights: &[Vec<i64>], inputs: &[Vec<i64>]) -> Vec<Vec<i64>> {
    let mut values = Values { circuit, data: Vec::new() };
    for tensor in &circuit.tensors {
        let data = match &tensor.op {
            Op::Input { index } => inputs[*index].clone(),
            Op::Weight { param } => weights[*param].clone(),
            _ => (0..tensor.len())
                .map(|flat| i64::try_from(values.entry(tensor, &unflatten(flat, &tensor.shape))).unwrap())
                .collect(),
        };
        values.data.push(data);
    }
    values.data
}

fn unflatten(mut flat: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (index, &len) in index.iter_mut().zip(shape).rev() {
        *index = flat % len;
        flat /= len;
    }
    index
}

fn flatten(index: &[usize], shape: &[usize]) -> usize {
    index.iter().zip(shape).fold(0, |flat, (index, len)| flat * len + index)
}

/// Entry `m[j, i]` of an axis map.
fn matrix(map: &AxisMap, j: usize, i: usize) -> i128 {
    let (sj, si) = (j as i64, i as i64);
    match map {
        AxisMap::Identity => i128::from(j == i),
        AxisMap::Strided { start, step } => i128::from(si == start + step * sj),
        AxisMap::Diagonal(factors) => i128::from(j == i) * i128::from(factors[j]),
        AxisMap::Dilate { start, step } => i128::from(j == start + step * i),
        AxisMap::Window { kernel, stride, dilation, pad } => {
            (0..*kernel).filter(|k| sj * *stride as i64 + (k * dilation) as i64 - *pad as i64 == si).count() as i128
        }
        AxisMap::Gather(index) => i128::from(index[j] as usize == i),
    }
}

impl Values<'_> {
    fn shape(&self, id: TensorId) -> &[usize] {
        &self.circuit.tensor(id).shape
    }

    fn at(&self, id: TensorId, index: &[usize]) -> i128 {
        i128::from(self.data[id.index()][flatten(index, self.shape(id))])
    }

    fn entry(&self, tensor: &Tensor, index: &[usize]) -> i128 {
        match &tensor.op {
            Op::Input { .. } | Op::Weight { .. } => unreachable!(),
            Op::Linear { terms, constant } => {
                let constant = constant.iter().map(|(value, factors)| {
                    factors.iter().zip(index).fold(i128::from(*value), |v, (f, &j)| v * i128::from(f.at(j)))
                });
                terms.iter().map(|term| self.term(term, index)).chain(constant).sum()
            }
            Op::Conv { x, w, geometry } => self.conv(*x, *w, geometry, index),
            Op::Dense { x, w } => {
                let (&n, lead) = index.split_last().unwrap();
                let inner = self.shape(*w)[2];
                (0..inner).map(|k| self.at(*x, &[lead, &[k]].concat()) * self.at(*w, &[0, n, k])).sum()
            }
            Op::MatMul { a, b } => {
                let (lead, last) = index.split_at(index.len() - 2);
                let inner = *self.shape(*a).last().unwrap();
                (0..inner)
                    .map(|k| self.at(*a, &[lead, &[last[0], k]].concat()) * self.at(*b, &[lead, &[k, last[1]]].concat()))
                    .sum()
            }
            Op::Mul { a, b } => self.at(*a, index) * self.at(*b, index),
            Op::Reshape { x } => i128::from(self.data[x.index()][flatten(index, &tensor.shape)]),
            Op::FloorShift { x, shift } => self.at(*x, index).div_euclid(1 << shift),
            Op::Lookup { x, table } => match &self.circuit.tables[table.index()] {
                Table::Function { min, values, .. } => {
                    i128::from(values[usize::try_from(self.at(*x, index) - i128::from(*min)).unwrap()])
                }
                Table::Range { .. } | Table::Tensor { .. } => unreachable!(),
            },
            Op::Reciprocal { x, log_numerator } => (1i128 << log_numerator).div_euclid(self.at(*x, index)),
            Op::SquareRoot { x } => self.at(*x, index).isqrt(),
            Op::Divide { a, b } => self.at(*a, index).div_euclid(self.at(*b, index)),
            Op::Gather { index: number, data } => {
                let row = usize::try_from(self.at(*number, index)).unwrap();
                let is_weight = matches!(self.circuit.tensor(*data).op, Op::Weight { .. });
                let part = if is_weight { 0 } else { index[0] * self.data[data.index()].len() / self.circuit.batch };
                i128::from(self.data[data.index()][part + row])
            }
            Op::Noise { seed, table } => {
                let Table::Function { values, .. } = &self.circuit.tables[table.index()] else { unreachable!() };
                let seeds = &self.data[seed.index()];
                let own = seeds.len() / self.circuit.batch;
                let entry = flatten(&[&[0], &index[1..]].concat(), &tensor.shape);
                let stream = noise::noise(&seeds[index[0] * own..(index[0] + 1) * own], values, entry + 1);
                i128::from(stream.last().unwrap())
            }
            Op::Largest { x, rank } => {
                let (_, lead) = index.split_last().unwrap();
                let extent = *self.shape(*x).last().unwrap();
                let mut line: Vec<i128> = (0..extent).map(|k| self.at(*x, &[lead, &[k]].concat())).collect();
                line.sort_unstable();
                line[extent - rank]
            }
        }
    }

    fn term(&self, term: &Term, index: &[usize]) -> i128 {
        // Sources with their factors, link by link; entries of a map that are zero are skipped.
        let shape = self.shape(term.x);
        let mut sources = vec![(vec![0; shape.len()], 1i128)];
        for link in &term.map.links {
            let (input, factor): (usize, &dyn Fn(usize) -> i128) = match link {
                AxisLink::Map { input, output, map } => (*input, &|i| matrix(map, index[*output], i)),
                AxisLink::Broadcast { .. } => continue,
                AxisLink::Sum { input } => (*input, &|_| 1),
            };
            let mut extended = Vec::new();
            for (source, product) in &sources {
                for i in (0..shape[input]).filter(|&i| factor(i) != 0) {
                    let mut source = source.clone();
                    source[input] = i;
                    extended.push((source, product * factor(i)));
                }
            }
            sources = extended;
        }
        let sum: i128 = sources.iter().map(|(source, factor)| factor * self.at(term.x, source)).sum();
        i128::from(term.coefficient) * sum
    }

    fn conv(&self, x: TensorId, w: TensorId, g: &ConvGeometry, index: &[usize]) -> i128 {
        let (lead, last) = index.split_at(index.len() - 3);
        let (o, position) = (last[0], [last[1], last[2]]);
        let x_shape = self.shape(x);
        let channels = x_shape[lead.len()] / g.groups;
        let extents = &x_shape[lead.len() + 1..];
        let outputs = if g.groups > 1 { self.shape(w)[2] / channels } else { self.shape(w)[1] };
        let group = o / (outputs / g.groups);
        let mut sum = 0;
        for i in 0..g.kernel[0] {
            for j in 0..g.kernel[1] {
                let tap = [i, j];
                let at: [i64; 2] = std::array::from_fn(|a| {
                    (position[a] * g.strides[a] + tap[a] * g.dilations[a]) as i64 - g.pads[a] as i64
                });
                if (0..2).any(|a| at[a] < 0 || at[a] >= extents[a] as i64) {
                    continue;
                }
                for c in 0..channels {
                    let k = i * g.kernel[1] + j;
                    let weight = if g.groups > 1 { [k, 0, o * channels + c] } else { [k, o, c] };
                    let source = [group * channels + c, at[0] as usize, at[1] as usize];
                    sum += self.at(w, &weight) * self.at(x, &[lead, &source].concat());
                }
            }
        }
        sum
    }
}
