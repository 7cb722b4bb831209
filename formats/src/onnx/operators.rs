//! Operators that nobody has: named before a run fails on them.
//!
//! A list of names over all versions; whether the runtime has the version that a model asks for is for the runtime to say.

use super::{
    super::{Refusal, quoted},
    graph::{Function, Graph, Key, Node},
    is_standard,
};
use std::collections::HashSet;

/// Operators of the standard domain in any version up to opset 26, and those that ONNX Runtime itself puts there.
const STANDARD: &str = "Abs Acos Acosh Adagrad Adam Add Affine AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh Attention \
    AveragePool BatchNormalization Bernoulli BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast \
    CastLike CausalConvWithState Ceil Celu CenterCropPad Clip Col2Im Compress Concat ConcatFromSequence Constant ConstantFill ConstantOfShape Conv \
    ConvInteger ConvTranspose Cos Cosh Crop CumProd CumSum DFT DeformConv DepthToSpace DequantizeLinear Det Div Dropout \
    DynamicQuantizeLinear DynamicSlice Einsum Elu Equal Erf Exp Expand EyeLike Flatten FlexAttention Floor FusedConv FusedGemm \
    FusedMatMul GRU GRUUnit Gather GatherElements GatherND Gelu Gemm GivenTensorFill GlobalAveragePool GlobalLpPool \
    GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization HammingWindow HannWindow HardSigmoid HardSwish Hardmax \
    Identity If ImageDecoder ImageScaler InstanceNormalization Inverse IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less \
    LessOrEqual LinearAttention Log LogSoftmax Loop LoopIndexTensor LpNormalization LpPool MatMul MatMulInteger Max MaxPool \
    MaxRoiPool MaxUnpool Mean MeanVarianceNormalization MelWeightMatrix Min Mish Mod Momentum Mul Multinomial Neg \
    NegativeLogLikelihoodLoss NonMaxSuppression NonZero Not OneHot Optional OptionalGetElement OptionalHasElement Or PRelu Pad \
    ParametricSoftplus Pow QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN RandomNormal RandomNormalLike \
    RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean \
    ReduceMin ReduceProd ReduceSum ReduceSumSquare RegexFullMatch Relu Reshape Resize ReverseSequence RoiAlign RotaryEmbedding \
    Round STFT Scale ScaledTanh Scan Scatter ScatterElements ScatterND Selu SequenceAt SequenceConstruct SequenceEmpty \
    SequenceErase SequenceInsert SequenceLength SequenceMap Shape Shrink Sigmoid Sign SimplifiedLayerNormalization Sin Sinh \
    Size SkipLayerNormalization Slice Softmax SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt \
    Squeeze StringConcat StringNormalizer StringSplit Sub Sum Swish Tan Tanh TensorScatter TfIdfVectorizer ThresholdedRelu Tile \
    TopK Transpose Trilu Unique Unsqueeze Upsample Where Xor";

/// Operators of `ai.onnx.ml`.
const CLASSICAL: &str = "ArrayFeatureExtractor Binarizer CastMap CategoryMapper DictVectorizer FeatureVectorizer Imputer \
    LabelEncoder LinearClassifier LinearRegressor Normalizer OneHotEncoder SVMClassifier SVMRegressor Scaler TreeEnsemble \
    TreeEnsembleClassifier TreeEnsembleRegressor ZipMap";

/// Domains of ONNX Runtime itself, and of ONNX beside the two above, by their whole names: others are of libraries that somebody
/// loads into it. Their operators come and go with the runtime.
const RUNTIME: &str = "com.microsoft com.microsoft.nchwc com.microsoft.experimental com.ms.internal.nhwc ai.onnx.preview \
    ai.onnx.training ai.onnx.preview.training";
/// Operators of these domains that call Python or PyTorch, compile a program, or open a file that they name. A function of the
/// model's own by such a name does not make it better: the runtime may prefer what it has.
const CALLS_OUT: &str = "PythonOp PythonOpGrad ATen ATenGrad ATenOp ATenOpGrad TritonOp ExternalGraph EPContext Snpe";

/// # Errors
/// `Unsupported` names the first operator that no runtime has and no function of the model defines.
pub(super) fn check(graph: &Graph, functions: &[Function]) -> Result<(), Refusal> {
    let standard: HashSet<&str> = STANDARD.split_whitespace().collect();
    let classical: HashSet<&str> = CLASSICAL.split_whitespace().collect();
    let own: HashSet<Key<'_>> = functions.iter().map(Function::key).collect();
    let mut open: Vec<&[Node]> = vec![&graph.nodes];
    open.extend(functions.iter().map(|function| function.nodes.as_slice()));
    while let Some(nodes) = open.pop() {
        for node in nodes {
            let (domain, op) = (node.domain.as_str(), node.op.as_str());
            let is_of_the_runtime = RUNTIME.split_whitespace().any(|one| one == domain);
            let known = match domain {
                _ if is_of_the_runtime => !CALLS_OUT.split_whitespace().any(|one| one == op),
                _ if own.contains(&node.key()) => true,
                _ if is_standard(domain) => standard.contains(op),
                "ai.onnx.ml" => classical.contains(op),
                _ => false,
            };
            if !known {
                let domain = if is_standard(domain) { "ai.onnx" } else { domain };
                return Err(Refusal::Unsupported(format!(
                    "there is no operator {} in {}; the model brings no function of that name either",
                    quoted(op),
                    quoted(domain)
                )));
            }
            open.extend(node.graphs.iter().map(|graph| graph.nodes.as_slice()));
        }
    }
    Ok(())
}
