//! `GPT2LMHeadModel`: learned positions, LayerNorm before each part, one projection for queries, keys and values.
//!
//! ```text
//! x = wte(ids) + wpe
//! x = x + attn.c_proj(attention(split(attn.c_attn(ln_1(x)))))
//! x = x + mlp.c_proj(gelu(mlp.c_fc(ln_2(x))))
//! logits = ln_f(x) wte^T
//! ```
//!
//! Source: transformers, `models/gpt2/modeling_gpt2.py`; [Radford et al. 2019].

use veritorch_graph::model::ModelGraph;

use super::{Source, check_length};
use crate::CheckpointError;
use crate::network::{Layout, Network};

pub(super) fn build(source: Source<'_>) -> Result<ModelGraph, CheckpointError> {
    let Source { config, weights, seq_len, name, head, .. } = source;
    let positions = config.size("n_positions")?;
    check_length(seq_len, positions)?;
    let (width, vocabulary) = (config.size("n_embd")?, config.size("vocab_size")?);
    let heads = config.size("n_head")?;
    let dim = config.head_dim(width, heads, "n_head")?;
    let inner = config.optional_size("n_inner")?.unwrap_or(4 * width);
    let epsilon = config.epsilon("layer_norm_epsilon", 1e-5)?;
    let activation = config.activation("activation_function", "gelu_new")?;
    let scale_by_width = config.flag("scale_attn_weights", true)?;
    let scale_by_layer = config.flag("scale_attn_by_inverse_layer_idx", false)?;
    config.must_be("add_cross_attention", false)?;
    let is_tied = config.flag("tie_word_embeddings", true)?;
    // the first release of the weights has no prefix
    let root = if weights.contains("transformer.wte.weight") { "transformer." } else { "" };

    let mut net = Network::new(weights, seq_len);
    let ids = net.ids("input_ids");
    let tokens = net.embedding(&format!("{root}wte"), ids, [vocabulary, width])?;
    let learned = net.rows(&format!("{root}wpe.weight"), [positions, width], seq_len)?;
    let mut x = net.add(&format!("{root}wpe"), tokens, learned);
    let mask = net.causal_mask();
    for layer in 0..config.size("n_layer")? {
        let at = |part: &str| format!("{root}h.{layer}.{part}");
        let normal = net.layer_norm(&at("ln_1"), x, epsilon)?;
        let joint = net.dense(&at("attn.c_attn"), normal, 3 * width, Layout::Conv1d, true)?;
        let [q, k, v] = [("q", 0), ("k", 1), ("v", 2)].map(|(part, third)| {
            let own = net.slice_last(&at(&format!("attn.{part}")), joint, third * width, width);
            net.split_heads(&at(&format!("attn.{part}")), own, heads, dim)
        });
        let by_width = if scale_by_width { 1.0 / libm::sqrtf(dim as f32) } else { 1.0 };
        let by_layer = if scale_by_layer { 1.0 / (layer + 1) as f32 } else { 1.0 };
        let mixed = net.attention(&at("attn"), [q, k, v], by_width * by_layer, Some(mask));
        let mixed = net.dense(&at("attn.c_proj"), mixed, width, Layout::Conv1d, true)?;
        x = net.add(&at("attn.residual"), x, mixed);
        let normal = net.layer_norm(&at("ln_2"), x, epsilon)?;
        let hidden = net.dense(&at("mlp.c_fc"), normal, inner, Layout::Conv1d, true)?;
        let hidden = net.unary(&at("mlp.act"), activation, hidden);
        let hidden = net.dense(&at("mlp.c_proj"), hidden, width, Layout::Conv1d, true)?;
        x = net.add(&at("mlp.residual"), x, hidden);
    }
    let x = net.layer_norm(&format!("{root}ln_f"), x, epsilon)?;
    let logits = if is_tied {
        net.tied_head("lm_head", x, &format!("{root}wte.weight"), vocabulary)?
    } else {
        net.dense("lm_head", x, vocabulary, Layout::Linear, false)?
    };
    let graph = net.finish_language_model(name, [ids, logits], head)?;
    // old files store the masks, which are constants
    weights.finish("GPT2LMHeadModel", |tensor| {
        (is_tied && tensor == "lm_head.weight") || tensor.ends_with(".attn.bias") || tensor.ends_with(".attn.masked_bias")
    })?;
    Ok(graph)
}
