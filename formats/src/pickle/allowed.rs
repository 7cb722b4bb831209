//! The names that pickled weights need, and no others. What is not here is refused.

use crate::Amount;

/// Module and names. None of them runs what it is given, opens a file or imports a module.
const ALLOWED: &[(&str, &str)] = &[
    ("collections", "OrderedDict"),
    (
        "torch._utils",
        "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter _rebuild_parameter_with_state \
         _rebuild_qtensor _rebuild_sparse_tensor",
    ),
    ("torch.serialization", "_get_layout"),
    ("torch", "Size device"),
    (
        "torch",
        "float16 float32 float64 bfloat16 half float double int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool \
         complex32 complex64 complex128 qint8 quint8 qint32 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz \
         float8_e8m0fnu strided sparse_coo per_tensor_affine per_channel_affine \
         contiguous_format channels_last",
    ),
    ("torch.nn.parameter", "Parameter"),
    ("numpy", "ndarray dtype"),
    ("numpy.core.multiarray", "_reconstruct scalar"),
    // What arrays of protocol 5 are made by, which takes no objects.
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy._core.multiarray", "_reconstruct scalar"),
    // Turns the text of old protocols back into bytes.
    ("_codecs", "encode"),
];

/// Kinds of storages with the bytes of an element, in `torch` and in `torch.storage`.
const STORAGES: &[(&str, u64)] = &[
    ("DoubleStorage", 8),
    ("FloatStorage", 4),
    ("HalfStorage", 2),
    ("BFloat16Storage", 2),
    ("LongStorage", 8),
    ("IntStorage", 4),
    ("ShortStorage", 2),
    ("CharStorage", 1),
    ("ByteStorage", 1),
    ("BoolStorage", 1),
    ("ComplexFloatStorage", 8),
    ("ComplexDoubleStorage", 16),
    ("QInt8Storage", 1),
    ("QUInt8Storage", 1),
    ("QInt32Storage", 4),
    ("UntypedStorage", 1),
];

/// Whether weights need the name `module.name`.
pub(super) fn is_allowed(module: &str, name: &str) -> bool {
    ALLOWED.iter().any(|(known, names)| *known == module && names.split_whitespace().any(|one| one == name))
        || (matches!(module, "torch" | "torch.storage") && storage(name).is_some())
}

/// Whether a text names a type of numbers or texts as NumPy pickles it, and no record and no objects.
pub(super) fn is_number_type(text: &str) -> bool {
    let code = text.strip_prefix(['<', '>', '|', '=']).unwrap_or(text);
    let mut letters = code.chars();
    letters.next().is_some_and(|letter| "?biufcSUVmM".contains(letter)) && letters.all(|c| c.is_ascii_digit())
}

/// The kind of a storage and the bytes of one of its elements.
pub(super) fn storage(name: &str) -> Option<(&'static str, u64)> {
    let found = STORAGES.iter().find(|(known, _)| *known == name);
    found.map(|(known, bytes)| (known.strip_suffix("Storage").unwrap_or(known), *bytes))
}

/// As much as a storage of so many elements holds.
pub(super) fn amount(elements: u64, bytes_each: u64) -> Amount {
    Amount { tensors: 1, parameters: elements, bytes: elements.saturating_mul(bytes_each) }
}
