//! `LlamaForCausalLM`: grouped-query attention, rotary positions, RMSNorm, SwiGLU.
//!
//! ```text
//! x = embed(ids)
//! x = x + o(attention(rope(q(n)), rope(k(n)), v(n)))    n = rms_norm(x)
//! x = x + down(silu(gate(n)) * up(n))                   n = rms_norm(x)
//! logits = head(rms_norm(x))
//! ```
//!
//! Source: transformers, `models/llama/modeling_llama.py`; [Touvron et al. 2023], [Grattafiori et al. 2024].

use veritorch_graph::model::ModelGraph;

use super::{Source, check_length};
use crate::CheckpointError;
use crate::network::{Layout, Network};
use crate::rotary::Rotary;

pub(super) fn build(source: Source<'_>) -> Result<ModelGraph, CheckpointError> {
    let Source { config, weights, seq_len, name, head, .. } = source;
    check_length(seq_len, config.size("max_position_embeddings")?)?;
    let (width, vocabulary) = (config.size("hidden_size")?, config.size("vocab_size")?);
    let inner = config.size("intermediate_size")?;
    let heads = config.size("num_attention_heads")?;
    let groups = config.optional_size("num_key_value_heads")?.unwrap_or(heads);
    let dim = match config.optional_size("head_dim")? {
        Some(dim) => dim,
        None => config.head_dim(width, heads, "num_attention_heads")?,
    };
    let shared = config.head_dim(heads, groups, "num_key_value_heads")?;
    let epsilon = config.epsilon("rms_norm_eps", 1e-6)?;
    let activation = config.activation("hidden_act", "silu")?;
    let (attention_bias, mlp_bias) = (config.flag("attention_bias", false)?, config.flag("mlp_bias", false)?);
    let is_tied = config.flag("tie_word_embeddings", false)?;
    let rotary = Rotary::new(config, dim)?;
    let (query_width, key_width) = (heads.saturating_mul(dim), groups.saturating_mul(dim));

    let mut net = Network::new(weights, seq_len);
    let ids = net.ids("input_ids");
    let mut x = net.embedding("model.embed_tokens", ids, [vocabulary, width])?;
    let mask = net.causal_mask();
    let mut tables = None;
    for layer in 0..config.size("num_hidden_layers")? {
        let at = |part: &str| format!("model.layers.{layer}.{part}");
        let normal = net.rms_norm(&at("input_layernorm"), x, epsilon)?;
        let mut heads_of = |part: &str, width: usize, heads: usize| {
            let projected = net.dense(&at(part), normal, width, Layout::Linear, attention_bias)?;
            Ok::<_, CheckpointError>(net.split_heads(&at(part), projected, heads, dim))
        };
        let q = heads_of("self_attn.q_proj", query_width, heads)?;
        let k = heads_of("self_attn.k_proj", key_width, groups)?;
        let v = heads_of("self_attn.v_proj", key_width, groups)?;
        // the first projection's shape has shown that `dim` is no larger than the file
        let tables = *tables.get_or_insert_with(|| rotary.tables(&mut net));
        let q = rotary.turn(&mut net, &at("self_attn.q_proj"), q, tables);
        let k = rotary.turn(&mut net, &at("self_attn.k_proj"), k, tables);
        let mut for_all_heads = |part: &str, x| {
            if shared == 1 {
                return x;
            }
            net.gather(&at(part), x, 1, (0..heads).map(|head| head / shared).collect())
        };
        let (k, v) = (for_all_heads("self_attn.k_repeated", k), for_all_heads("self_attn.v_repeated", v));
        let scale = 1.0 / libm::sqrtf(dim as f32);
        let mixed = net.attention(&at("self_attn"), [q, k, v], scale, Some(mask));
        let mixed = net.dense(&at("self_attn.o_proj"), mixed, width, Layout::Linear, attention_bias)?;
        x = net.add(&at("self_attn.residual"), x, mixed);
        let normal = net.rms_norm(&at("post_attention_layernorm"), x, epsilon)?;
        let gate = net.dense(&at("mlp.gate_proj"), normal, inner, Layout::Linear, mlp_bias)?;
        let gate = net.unary(&at("mlp.act_fn"), activation, gate);
        let up = net.dense(&at("mlp.up_proj"), normal, inner, Layout::Linear, mlp_bias)?;
        let product = net.mul(&at("mlp.product"), gate, up);
        let down = net.dense(&at("mlp.down_proj"), product, width, Layout::Linear, mlp_bias)?;
        x = net.add(&at("mlp.residual"), x, down);
    }
    let x = net.rms_norm("model.norm", x, epsilon)?;
    let logits = if is_tied {
        net.tied_head("lm_head", x, "model.embed_tokens.weight", vocabulary)?
    } else {
        net.dense("lm_head", x, vocabulary, Layout::Linear, false)?
    };
    let graph = net.finish_language_model(name, [ids, logits], head)?;
    // a tied head may be stored beside the table; old files store the rotary frequencies
    weights.finish("LlamaForCausalLM", |tensor| {
        (is_tied && tensor == "lm_head.weight") || tensor.ends_with(".rotary_emb.inv_freq")
    })?;
    Ok(graph)
}
