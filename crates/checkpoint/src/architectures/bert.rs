//! `BertModel`: an encoder whose positions all see one another, LayerNorm behind each part.
//!
//! ```text
//! x = norm(word(ids) + position + type)
//! x = norm(x + attention.output(attention(query(x), key(x), value(x))))
//! x = norm(x + output(gelu(intermediate(x))))
//! ```
//!
//! Every position is a real token: there is no mask for padding. The result is the last hidden state, or the sentence's
//! embedding where the folder says how states are pooled. Source: transformers, `models/bert/modeling_bert.py`; [Devlin et al. 2019].

use veritorch_graph::model::ModelGraph;

use super::{Source, check_length};
use crate::CheckpointError;
use crate::network::{Layout, Network};

pub(super) fn build(source: Source<'_>) -> Result<ModelGraph, CheckpointError> {
    let Source { config, weights, seq_len, name, token_types, pooling, .. } = source;
    let positions = config.size("max_position_embeddings")?;
    check_length(seq_len, positions)?;
    let (width, vocabulary) = (config.size("hidden_size")?, config.size("vocab_size")?);
    let heads = config.size("num_attention_heads")?;
    let dim = config.head_dim(width, heads, "num_attention_heads")?;
    let inner = config.size("intermediate_size")?;
    let types = config.optional_size("type_vocab_size")?.unwrap_or(2);
    let epsilon = config.epsilon("layer_norm_eps", 1e-12)?;
    let activation = config.activation("hidden_act", "gelu")?;
    config.must_be("is_decoder", false)?;
    config.must_be("add_cross_attention", false)?;
    if let Some(kind) = config.text("position_embedding_type")?.filter(|&kind| kind != "absolute") {
        return Err(config.refuse("position_embedding_type", format!("`{kind}`, expected absolute")));
    }
    let root = if weights.contains("bert.embeddings.word_embeddings.weight") { "bert." } else { "" };

    let mut net = Network::new(weights, seq_len);
    let ids = net.ids("input_ids");
    let part = |part: &str| format!("{root}embeddings.{part}");
    let words = net.embedding(&part("word_embeddings"), ids, [vocabulary, width])?;
    let learned = net.rows(&part("position_embeddings.weight"), [positions, width], seq_len)?;
    let x = net.add(&part("position_embeddings"), words, learned);
    let kind = if token_types {
        let ids = net.ids("token_type_ids");
        net.embedding(&part("token_type_embeddings"), ids, [types, width])?
    } else {
        net.rows(&part("token_type_embeddings.weight"), [types, width], 1)?
    };
    let x = net.add(&part("sum"), x, kind);
    let mut x = net.layer_norm(&part("LayerNorm"), x, epsilon)?;
    for layer in 0..config.size("num_hidden_layers")? {
        let at = |part: &str| format!("{root}encoder.layer.{layer}.{part}");
        let mut heads_of = |part: &str| {
            let projected = net.dense(&at(part), x, width, Layout::Linear, true)?;
            Ok::<_, CheckpointError>(net.split_heads(&at(part), projected, heads, dim))
        };
        let q = heads_of("attention.self.query")?;
        let k = heads_of("attention.self.key")?;
        let v = heads_of("attention.self.value")?;
        let mixed = net.attention(&at("attention.self"), [q, k, v], 1.0 / libm::sqrtf(dim as f32), None);
        let mixed = net.dense(&at("attention.output.dense"), mixed, width, Layout::Linear, true)?;
        let sum = net.add(&at("attention.output.residual"), mixed, x);
        let middle = net.layer_norm(&at("attention.output.LayerNorm"), sum, epsilon)?;
        let hidden = net.dense(&at("intermediate.dense"), middle, inner, Layout::Linear, true)?;
        let hidden = net.unary(&at("intermediate.act"), activation, hidden);
        let hidden = net.dense(&at("output.dense"), hidden, width, Layout::Linear, true)?;
        let sum = net.add(&at("output.residual"), hidden, middle);
        x = net.layer_norm(&at("output.LayerNorm"), sum, epsilon)?;
    }
    let graph = match pooling {
        Some(pooling) => {
            let embedding = pooling.apply(&mut net, x);
            net.finish(name, &[(embedding, "sentence_embedding")])?
        }
        None => net.finish(name, &[(x, "last_hidden_state")])?,
    };
    // the pooler and the heads of pre-training stand behind the hidden states
    weights.finish("BertModel", |tensor| {
        let tensor = tensor.strip_prefix(root).unwrap_or(tensor);
        tensor.starts_with("pooler.") || tensor.starts_with("cls.") || tensor == "embeddings.position_ids"
    })?;
    Ok(graph)
}
