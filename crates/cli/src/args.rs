//! What the user types.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use veritorch::{ImportOptions, Profile, Visibility};

/// Prove that a committed neural network, run on an input, gives an output.
#[derive(Debug, Parser)]
#[command(name = "veritorch", version, max_term_width = 100, propagate_version = true)]
pub(crate) struct Cli {
    /// Number of threads, by default one per processor; `bench` takes several, each for a run of its own: 1,2
    #[arg(long, global = true, value_name = "N", value_delimiter = ',')]
    pub(crate) threads: Vec<usize>,
    /// No progress and no notes on standard error
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say whether a model works, and if not, what stands in the way and what to do about it; needs no data
    Check(CheckArgs),
    /// Quantise an ONNX or TensorFlow Lite model or a Hugging Face checkpoint, commit to its weights, write OUT.vt (prover) and OUT.vk (verifier)
    Compile(CompileArgs),
    /// Run the quantised model without a proof
    Run(RunArgs),
    /// Run the quantised model and prove the result
    Prove(ProveArgs),
    /// Commit to arrays whose owner wants proofs about them: X.commitment for anyone, X.commitment.opening for who proves
    CommitTensor(CommitTensorArgs),
    /// Say what a language model says after a prompt, and prove it
    Generate(GenerateArgs),
    /// Verify a proof and print what it shows
    Verify(VerifyArgs),
    /// Print the graph, the plan, sizes and the security level of a .vt, .vk or .proof file
    Inspect(InspectArgs),
    /// Show how many openings of a model commitment are left, or give some to another machine
    Ledger(LedgerArgs),
    /// Commit to the same weights anew when their openings are used up: same identity, proved to hold the same weights
    Renew(RenewArgs),
    /// Measure every phase: seconds, peak memory, proof size
    Bench(BenchArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The model: an ONNX file, a TensorFlow Lite file (by its ending .tflite), or a folder with config.json, *.safetensors and tokenizer.json
    #[arg(value_name = "MODEL.onnx|MODEL.tflite|FOLDER")]
    pub(crate) model: PathBuf,
    /// Tokens of a sequence (folders only); 64, or as many as the model has positions for
    #[arg(long, value_name = "TOKENS")]
    pub(crate) seq_len: Option<usize>,
    #[command(flatten)]
    pub(crate) import: ImportArgs,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompileArgs {
    /// The model: an ONNX file, a TensorFlow Lite file (by its ending .tflite), or a folder with config.json, *.safetensors and tokenizer.json
    #[arg(value_name = "MODEL.onnx|MODEL.tflite|FOLDER")]
    pub(crate) model: PathBuf,
    /// Calibration data: one array per input, leading axis = samples; for a folder also a text, whose lines are cut into sequences
    #[arg(long, value_name = "CAL.npz|PROMPTS.txt")]
    pub(crate) calibration: PathBuf,
    /// Tokens of a sequence (folders only)
    #[arg(long, value_name = "TOKENS")]
    pub(crate) seq_len: Option<usize>,
    /// A language model's output is all logits, rather than the next token that `generate` needs (folders only)
    #[arg(long, requires = "seq_len")]
    pub(crate) logits: bool,
    /// A language model draws its tokens by a seed, instead of saying the likeliest (folders only)
    #[arg(long, requires = "seq_len", conflicts_with = "logits")]
    pub(crate) sample: bool,
    /// Temperature that tokens are drawn with
    #[arg(long, value_name = "T", requires = "sample", default_value_t = 1.0)]
    pub(crate) temperature: f32,
    /// Draw among so many of the likeliest tokens; by default among all
    #[arg(long, value_name = "K", requires = "sample")]
    pub(crate) top_k: Option<usize>,
    /// Token types are an input of an encoder, rather than all of the first type (folders only)
    #[arg(long, requires = "seq_len")]
    pub(crate) token_types: bool,
    /// Where the prover's key goes; the verifier's key goes beside it as OUT.vk
    #[arg(long, short, value_name = "OUT.vt")]
    pub(crate) output_file: PathBuf,
    #[command(flatten)]
    pub(crate) import: ImportArgs,
    #[command(flatten)]
    pub(crate) quantise: QuantiseArgs,
    /// Data held out of the calibration, in the same form, to measure the result on: agreement, cosine and drift of the outputs (for a
    /// language model of the logits, and the perplexity of both models), and the error of every value
    #[arg(long, value_name = "HELD_OUT.npz|TEXT.txt")]
    pub(crate) accuracy_report: Option<PathBuf>,
    /// Write the quantiser's full report (accuracy, cosine, error per node) as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What the file leaves open.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Shape of an input that the file leaves open; may come several times
    #[arg(long = "shape", value_name = "INPUT=1,128", value_parser = shape)]
    shapes: Vec<(String, Vec<usize>)>,
    /// Extent of an axis that the file leaves open, by the axis's name; may come several times
    #[arg(long = "axis", value_name = "NAME=128", value_parser = axis)]
    axes: Vec<(String, usize)>,
    /// An input that is this number in every entry, and no longer an input (attention_mask=1); may come several times
    #[arg(long = "fix", value_name = "INPUT=NUMBER", value_parser = fixed)]
    fixed: Vec<(String, f64)>,
}

impl ImportArgs {
    pub(crate) fn is_empty(&self) -> bool {
        self.shapes.is_empty() && self.axes.is_empty() && self.fixed.is_empty()
    }

    pub(crate) fn options(&self) -> ImportOptions {
        ImportOptions {
            input_shapes: self.shapes.iter().cloned().collect(),
            axes: self.axes.iter().cloned().collect(),
            fixed_inputs: self.fixed.iter().cloned().collect(),
            ..ImportOptions::default()
        }
    }
}

/// `NAME=VALUE`; names may hold `=`.
fn assignment(text: &str) -> Result<(String, &str), String> {
    let (name, value) = text.rsplit_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value))
}

fn shape(text: &str) -> Result<(String, Vec<usize>), String> {
    let (name, value) = assignment(text)?;
    let extents = value.split(',').map(|extent| extent.trim().parse()).collect::<Result<_, _>>();
    Ok((name, extents.map_err(|_| format!("`{value}` is no list of extents"))?))
}

fn axis(text: &str) -> Result<(String, usize), String> {
    let (name, value) = assignment(text)?;
    Ok((name, value.parse().map_err(|_| format!("`{value}` is no extent"))?))
}

fn fixed(text: &str) -> Result<(String, f64), String> {
    let (name, value) = assignment(text)?;
    let number: f64 = value.parse().map_err(|_| format!("`{value}` is no number"))?;
    if number.is_finite() { Ok((name, number)) } else { Err(format!("`{value}` is not finite")) }
}

/// Options of the quantiser, the policy and the security level.
#[derive(Debug, Args)]
pub(crate) struct QuantiseArgs {
    /// Name of the model in keys and proofs; by default the one in the file
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Class of each calibration sample, for accuracy (.npy, or .npz with one array)
    #[arg(long, value_name = "L.npz")]
    pub(crate) labels: Option<PathBuf>,
    /// Least accuracy on the calibration data, 0 to 1; raises activation bits until it is met (needs --labels)
    #[arg(long, value_name = "FRACTION", group = "target", requires = "labels")]
    pub(crate) accuracy_target: Option<f64>,
    /// Greatest loss of accuracy against the float model, 0 to 1 (needs --labels)
    #[arg(long, value_name = "FRACTION", group = "target", requires = "labels")]
    pub(crate) accuracy_loss: Option<f64>,
    /// Least share of samples with the float model's class, 0 to 1
    #[arg(long, value_name = "FRACTION", group = "target")]
    pub(crate) agreement_target: Option<f64>,
    /// Greatest relative error of the outputs, 0 to 1
    #[arg(long, value_name = "FRACTION", group = "target")]
    pub(crate) drift_target: Option<f64>,
    /// Bits of activations, 4 to 16 [default: 8, in language models 16]
    #[arg(long, value_name = "BITS")]
    pub(crate) activation_bits: Option<u32>,
    /// Bits of inputs, 4 to 16 [default: 10, in language models 16]
    #[arg(long, value_name = "BITS")]
    pub(crate) input_bits: Option<u32>,
    /// Real value of one step of the input, instead of the one that calibration gives
    #[arg(long, value_name = "SCALE", conflicts_with = "input_like")]
    pub(crate) input_scale: Option<f64>,
    /// Take the steps and the range of another model's output, or of a commitment, as the input's, so that the proofs can be linked
    #[arg(long, value_name = "OTHER.vk|X.commitment")]
    pub(crate) input_like: Option<PathBuf>,
    /// 16-bit weights instead of 8-bit ones, as language models have them
    #[arg(long)]
    pub(crate) wide_weights: bool,
    /// Take ranges tighter than the calibrated maximum where that lowers the drift
    #[arg(long)]
    pub(crate) tighten: bool,
    /// A circuit that refuses no input: values beyond all tables saturate
    #[arg(long)]
    pub(crate) saturate: bool,
    /// Whether the weights are secret
    #[arg(long, value_name = "POLICY", default_value = "private")]
    pub(crate) weights: WeightsPolicy,
    /// Whether proofs show the input: private by default, and public where a folder is compiled to generate texts, which the
    /// statement tells
    #[arg(long, value_name = "POLICY")]
    pub(crate) input: Option<Policy>,
    /// Whether proofs show the output
    #[arg(long, value_name = "POLICY", default_value = "public")]
    pub(crate) output: Policy,
    /// Security: standard is 100 bits, high is 128 bits
    #[arg(long, value_name = "PROFILE", default_value = "standard")]
    pub(crate) profile: ProfileArg,
    /// Proofs that the model commitment covers before it is renewed, 24 unless said otherwise; more make proving slower. Public
    /// weights have no limit
    #[arg(long, value_name = "PROOFS")]
    pub(crate) lifetime: Option<usize>,
    /// Memory that proving one sample may take, as far as can be told beforehand: a larger model is cut into segments that are proved
    /// one by one, in one proof
    #[arg(long, value_name = "BYTES|16G", value_parser = memory)]
    pub(crate) memory: Option<u64>,
}

/// A number of bytes, with a unit: K, M, G or T, by powers of 1024.
fn memory(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size, expected a number with K, M, G or T");
    let trimmed = text.trim_end_matches(['b', 'B']).trim_end_matches(['i']);
    let (number, shift) = match trimmed.char_indices().last().map(|(at, unit)| (at, unit.to_ascii_uppercase())) {
        Some((at, 'K')) => (&trimmed[..at], 10),
        Some((at, 'M')) => (&trimmed[..at], 20),
        Some((at, 'G')) => (&trimmed[..at], 30),
        Some((at, 'T')) => (&trimmed[..at], 40),
        _ => (trimmed, 0),
    };
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let bytes = number * (1u64 << shift) as f64;
    if (1.0..9e18).contains(&bytes) { Ok(bytes as u64) } else { Err(wrong()) }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Policy {
    /// Part of the statement
    Public,
    /// Not shown
    Private,
    /// A salted commitment is shown, which links proofs
    Committed,
}

impl From<Policy> for Visibility {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Public => Self::Public,
            Policy::Private => Self::Private,
            Policy::Committed => Self::Committed,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum WeightsPolicy {
    /// Known to the model's owner alone
    Private,
    /// Known to anyone
    Public,
}

impl From<WeightsPolicy> for Visibility {
    fn from(policy: WeightsPolicy) -> Self {
        match policy {
            WeightsPolicy::Private => Self::Private,
            WeightsPolicy::Public => Self::Public,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ProfileArg {
    /// At least 100 bits
    Standard,
    /// At least 128 bits
    High,
}

impl From<ProfileArg> for Profile {
    fn from(profile: ProfileArg) -> Self {
        match profile {
            ProfileArg::Standard => Self::Standard,
            ProfileArg::High => Self::High,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The prover's key
    #[arg(value_name = "OUT.vt")]
    pub(crate) key: PathBuf,
    /// Inputs by their names in the model; the leading axis may be a batch
    #[arg(long, value_name = "X.npz")]
    pub(crate) input: PathBuf,
    /// Where the outputs go, by their names in the model, in the model's units; by default they are printed
    #[arg(long, short, value_name = "Y.npz")]
    pub(crate) output: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    /// The prover's key
    #[arg(value_name = "OUT.vt")]
    pub(crate) key: PathBuf,
    /// Inputs by their names in the model; the leading axis may be a batch
    #[arg(long, value_name = "X.npz", required_unless_present = "input_commitment")]
    pub(crate) input: Option<PathBuf>,
    /// A commitment to the input that was made before, with its opening beside it (models with --input committed); without --input, its
    /// integers are the input
    #[arg(long, value_name = "X.commitment")]
    pub(crate) input_commitment: Option<PathBuf>,
    /// Proofs that new commitments to the input or output can be used in, this one among them
    #[arg(long, value_name = "N", default_value_t = veritorch::DEFAULT_TENSOR_OPENINGS)]
    pub(crate) openings: usize,
    /// Where the proof goes
    #[arg(long, short, value_name = "P.proof")]
    pub(crate) output: PathBuf,
    /// Write the plan with predicted and measured seconds as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CommitTensorArgs {
    /// The arrays; whole numbers are committed as they are, real numbers in 16-bit steps of their own unless --for or --scale says
    /// otherwise
    #[arg(value_name = "X.npz")]
    pub(crate) arrays: PathBuf,
    /// Where the commitment goes; what opens it goes beside it as X.commitment.opening, for its owner's eyes only
    #[arg(long, short, value_name = "X.commitment")]
    pub(crate) output: PathBuf,
    /// Round as this model rounds its inputs of the same names
    #[arg(long = "for", value_name = "KEY.vk", conflicts_with_all = ["scale", "profile"])]
    pub(crate) model: Option<PathBuf>,
    /// Real value of one step
    #[arg(long, value_name = "SCALE")]
    pub(crate) scale: Option<f64>,
    /// Proofs that the commitment can be used in
    #[arg(long, value_name = "N", default_value_t = veritorch::DEFAULT_TENSOR_OPENINGS)]
    pub(crate) openings: usize,
    /// Security of the proofs it will be used in: standard is 100 bits, high is 128 bits
    #[arg(long, value_name = "PROFILE", default_value = "standard")]
    pub(crate) profile: ProfileArg,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// The prover's key of a language model, compiled from a folder
    #[arg(value_name = "MODEL.vt")]
    pub(crate) key: PathBuf,
    /// What stands before the text
    #[arg(long, value_name = "TEXT")]
    pub(crate) prompt: String,
    /// Most tokens to generate
    #[arg(long, value_name = "N")]
    pub(crate) max_new_tokens: usize,
    /// What tokens are drawn by, up to 2^64 - 1 (models compiled with --sample)
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,
    /// Proofs that a new commitment to the text can be used in, this one among them (models with --input committed)
    #[arg(long, value_name = "N", default_value_t = veritorch::DEFAULT_TENSOR_OPENINGS)]
    pub(crate) openings: usize,
    /// Prove prompt and text, and write the proof there
    #[arg(long, value_name = "P.proof")]
    pub(crate) proof: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The verifier's key
    #[arg(value_name = "OUT.vk")]
    pub(crate) key: PathBuf,
    /// The proof
    #[arg(value_name = "P.proof")]
    pub(crate) proof: PathBuf,
    /// Compare the public inputs with these
    #[arg(long, value_name = "X.npz")]
    pub(crate) input: Option<PathBuf>,
    /// Compare the public outputs with these
    #[arg(long, value_name = "Y.npz")]
    pub(crate) output: Option<PathBuf>,
    /// Require that the proof is of a text that `generate` made, and print it by this tokenizer where the proof shows it
    #[arg(long, value_name = "TOKENIZER.json")]
    pub(crate) text: Option<PathBuf>,
    /// Require that the committed input is the one under this commitment
    #[arg(long, value_name = "X.commitment")]
    pub(crate) expect_input: Option<PathBuf>,
    /// Require that the committed output is the one under this commitment
    #[arg(long, value_name = "Y.commitment")]
    pub(crate) expect_output: Option<PathBuf>,
    /// Verify another proof and require that the two carry the same committed tensor: output=input:OTHER.vk:OTHER.proof; where there are
    /// several, output.NAME=input.NAME:..
    #[arg(long, value_name = "LINK")]
    pub(crate) link: Vec<String>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A .vt, .vk or .proof file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Samples in one proof, for predictions and the security level of keys
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) batch: usize,
    /// Prove noise once and print measured seconds beside the predicted ones (.vt only; uses up an opening)
    #[arg(long, action = ArgAction::SetTrue)]
    pub(crate) measure: bool,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Write one self-contained page with a picture of the graph
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct LedgerArgs {
    #[command(subcommand)]
    pub(crate) action: Option<LedgerAction>,
    /// The prover's key, beside which the ledger lies as MODEL.vt.ledger
    #[arg(value_name = "MODEL.vt", required = true)]
    pub(crate) key: Option<PathBuf>,
    /// Print the ledger as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerAction {
    /// Take openings out of a ledger and put them into a new one, for another machine
    Split(SplitArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SplitArgs {
    /// The prover's key, beside which the ledger lies as MODEL.vt.ledger
    #[arg(value_name = "MODEL.vt")]
    pub(crate) key: PathBuf,
    /// Openings to give away, one to a proof
    #[arg(long, value_name = "N")]
    pub(crate) openings: u64,
    /// Where the new ledger goes; on the other machine it lies beside the .vt as MODEL.vt.ledger
    #[arg(long, short, value_name = "OTHER.ledger")]
    pub(crate) output: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RenewArgs {
    /// The prover's key, with its ledger beside it
    #[arg(value_name = "MODEL.vt")]
    pub(crate) key: PathBuf,
    /// Where the new prover's key goes; the new ledger and the new verifier's key go beside it
    #[arg(long, short, value_name = "NEW.vt")]
    pub(crate) output: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// The model: an ONNX file, a TensorFlow Lite file (by its ending .tflite), or a folder with config.json and *.safetensors
    #[arg(value_name = "MODEL.onnx|MODEL.tflite|FOLDER", required_unless_present = "built_in", conflicts_with = "built_in")]
    pub(crate) model: Option<PathBuf>,
    /// A built-in architecture with random weights: mlp, mnist-cnn, resnet18-cifar, resnet20-cifar, vgg16-cifar, gpt2, llama-1.1b
    #[arg(long = "model", value_name = "NAME")]
    pub(crate) built_in: Option<String>,
    /// Tokens of a sequence (folders and built-in language models, which have 64 and 32 of their own)
    #[arg(long, value_name = "TOKENS")]
    pub(crate) seq_len: Option<usize>,
    /// Samples to calibrate with and to prove; by default noise
    #[arg(long, value_name = "X.npz")]
    pub(crate) data: Option<PathBuf>,
    /// Samples in one proof
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) batch: usize,
    /// Repetitions of run, prove and verify; the fastest counts, the median stands beside it
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) repeat: usize,
    #[command(flatten)]
    pub(crate) import: ImportArgs,
    #[command(flatten)]
    pub(crate) quantise: QuantiseArgs,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
