//! Convolution by im2col and [`gemm`](super::gemm::gemm), several samples at a time where images are small.

use super::gemm::gemm;

/// Extents and steps of a convolution.
pub(super) struct Conv {
    pub(super) channels: [usize; 2],
    pub(super) input: [usize; 2],
    pub(super) output: [usize; 2],
    pub(super) kernel: [usize; 2],
    pub(super) strides: [usize; 2],
    pub(super) pads: [usize; 2],
    pub(super) dilations: [usize; 2],
    pub(super) groups: usize,
}

impl Conv {
    /// `images` samples `[C, H, W]` of x, weight `[O, C / groups, kh, kw]`, bias `[O]`; the result is `[images, O, H, W]`.
    pub(super) fn run(&self, x: &[f32], w: &[f32], bias: Option<&[f32]>, images: usize) -> Vec<f32> {
        let [inputs, outputs] = self.channels;
        let (x_len, y_plane) = (inputs * self.input[0] * self.input[1], self.output[0] * self.output[1]);
        let (group_in, group_out) = (inputs / self.groups, outputs / self.groups);
        let inner = group_in * self.kernel[0] * self.kernel[1];
        let mut y = vec![0.0f32; images * outputs * y_plane];
        let together = (1024 / y_plane).clamp(1, images.max(1));
        let mut columns = Vec::new();
        let mut product = Vec::new();
        for first in (0..images).step_by(together) {
            let count = together.min(images - first);
            let width = count * y_plane;
            for group in 0..self.groups {
                columns.clear();
                columns.resize(inner * width, 0.0);
                for image in 0..count {
                    let start = (first + image) * x_len + group * group_in * self.input[0] * self.input[1];
                    self.unfold(&x[start..], group_in, &mut columns, width, image * y_plane);
                }
                product.clear();
                product.resize(group_out * width, 0.0);
                let weights = &w[group * group_out * inner..(group + 1) * group_out * inner];
                gemm(weights, &columns, &mut product, [group_out, inner, width]);
                for o in 0..group_out {
                    let channel = group * group_out + o;
                    let shift = bias.map_or(0.0, |bias| bias[channel]);
                    for image in 0..count {
                        let from = &product[o * width + image * y_plane..][..y_plane];
                        let to = &mut y[((first + image) * outputs + channel) * y_plane..][..y_plane];
                        for (to, from) in to.iter_mut().zip(from) {
                            *to = from + shift;
                        }
                    }
                }
            }
        }
        y
    }

    fn unfold(&self, x: &[f32], channels: usize, columns: &mut [f32], width: usize, at: usize) {
        let [height_in, width_in] = self.input;
        let mut row = 0;
        for c in 0..channels {
            let plane = &x[c * height_in * width_in..][..height_in * width_in];
            for i in 0..self.kernel[0] {
                for j in 0..self.kernel[1] {
                    let target = &mut columns[row * width + at..];
                    for h in 0..self.output[0] {
                        let Some(source) = (h * self.strides[0] + i * self.dilations[0])
                            .checked_sub(self.pads[0])
                            .filter(|&source| source < height_in)
                        else {
                            continue;
                        };
                        let line = &plane[source * width_in..][..width_in];
                        let target = &mut target[h * self.output[1]..][..self.output[1]];
                        for (w, target) in target.iter_mut().enumerate() {
                            let source = (w * self.strides[1] + j * self.dilations[1]).wrapping_sub(self.pads[1]);
                            if let Some(&value) = line.get(source) {
                                *target = value;
                            }
                        }
                    }
                    row += 1;
                }
            }
        }
    }
}
