//! The 68 instructions of pickle, protocols 0 to 5: their names, and what stands behind each. Source: `pickletools`.

/// What follows an instruction in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    Nothing,
    /// So many bytes with a number, the lowest first.
    Number(u8),
    /// As many bytes as a number of so many bytes says.
    Counted(u8),
    Line,
    Lines,
}

/// # Returns
/// `None` for a byte that is no instruction.
pub(super) fn of(byte: u8) -> Option<(&'static str, Argument)> {
    use Argument::{Counted, Line, Lines, Nothing, Number};
    Some(match byte {
        b'(' => ("MARK", Nothing),
        b'.' => ("STOP", Nothing),
        b'0' => ("POP", Nothing),
        b'1' => ("POP_MARK", Nothing),
        b'2' => ("DUP", Nothing),
        b'F' => ("FLOAT", Line),
        b'I' => ("INT", Line),
        b'J' => ("BININT", Number(4)),
        b'K' => ("BININT1", Number(1)),
        b'L' => ("LONG", Line),
        b'M' => ("BININT2", Number(2)),
        b'N' => ("NONE", Nothing),
        b'P' => ("PERSID", Line),
        b'Q' => ("BINPERSID", Nothing),
        b'R' => ("REDUCE", Nothing),
        b'S' => ("STRING", Line),
        b'T' => ("BINSTRING", Counted(4)),
        b'U' => ("SHORT_BINSTRING", Counted(1)),
        b'V' => ("UNICODE", Line),
        b'X' => ("BINUNICODE", Counted(4)),
        b'a' => ("APPEND", Nothing),
        b'b' => ("BUILD", Nothing),
        b'c' => ("GLOBAL", Lines),
        b'd' => ("DICT", Nothing),
        b'}' => ("EMPTY_DICT", Nothing),
        b'e' => ("APPENDS", Nothing),
        b'g' => ("GET", Line),
        b'h' => ("BINGET", Number(1)),
        b'i' => ("INST", Lines),
        b'j' => ("LONG_BINGET", Number(4)),
        b'l' => ("LIST", Nothing),
        b']' => ("EMPTY_LIST", Nothing),
        b'o' => ("OBJ", Nothing),
        b'p' => ("PUT", Line),
        b'q' => ("BINPUT", Number(1)),
        b'r' => ("LONG_BINPUT", Number(4)),
        b's' => ("SETITEM", Nothing),
        b't' => ("TUPLE", Nothing),
        b')' => ("EMPTY_TUPLE", Nothing),
        b'u' => ("SETITEMS", Nothing),
        b'G' => ("BINFLOAT", Number(8)),
        0x80 => ("PROTO", Number(1)),
        0x81 => ("NEWOBJ", Nothing),
        0x82 => ("EXT1", Number(1)),
        0x83 => ("EXT2", Number(2)),
        0x84 => ("EXT4", Number(4)),
        0x85 => ("TUPLE1", Nothing),
        0x86 => ("TUPLE2", Nothing),
        0x87 => ("TUPLE3", Nothing),
        0x88 => ("NEWTRUE", Nothing),
        0x89 => ("NEWFALSE", Nothing),
        0x8a => ("LONG1", Counted(1)),
        0x8b => ("LONG4", Counted(4)),
        b'B' => ("BINBYTES", Counted(4)),
        b'C' => ("SHORT_BINBYTES", Counted(1)),
        0x8c => ("SHORT_BINUNICODE", Counted(1)),
        0x8d => ("BINUNICODE8", Counted(8)),
        0x8e => ("BINBYTES8", Counted(8)),
        0x8f => ("EMPTY_SET", Nothing),
        0x90 => ("ADDITEMS", Nothing),
        0x91 => ("FROZENSET", Nothing),
        0x92 => ("NEWOBJ_EX", Nothing),
        0x93 => ("STACK_GLOBAL", Nothing),
        0x94 => ("MEMOIZE", Nothing),
        0x95 => ("FRAME", Number(8)),
        0x96 => ("BYTEARRAY8", Counted(8)),
        0x97 => ("NEXT_BUFFER", Nothing),
        0x98 => ("READONLY_BUFFER", Nothing),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_of_every_protocol_is_known() {
        let known: Vec<&str> = (0..=u8::MAX).filter_map(of).map(|(name, _)| name).collect();
        assert_eq!(known.len(), 68);
        let names: std::collections::BTreeSet<&str> = known.iter().copied().collect();
        assert_eq!(names.len(), known.len());
    }
}
