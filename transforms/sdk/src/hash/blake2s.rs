//! BLAKE2s (RFC 7693), without a key and with a digest of 32 bytes.

/// The first 32 bits of the fractional parts of the square roots of the first eight primes.
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Which words of a block each of the ten rounds takes.
const ORDERS: [[usize; 16]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

/// Bytes of a block.
const BLOCK: usize = 64;

/// The digest's parameters: its length, no key, no tree (`fanout` and `depth` are 1).
const PARAMETERS: u32 = 0x0101_0000 | 32;

#[inline(always)]
fn mix([mut a, mut b, mut c, mut d]: [u32; 4], x: u32, y: u32) -> [u32; 4] {
    a = a.wrapping_add(b).wrapping_add(x);
    d = (d ^ a).rotate_right(16);
    c = c.wrapping_add(d);
    b = (b ^ c).rotate_right(12);
    a = a.wrapping_add(b).wrapping_add(y);
    d = (d ^ a).rotate_right(8);
    c = c.wrapping_add(d);
    b = (b ^ c).rotate_right(7);
    [a, b, c, d]
}

/// The round `R`, whose words are known to the compiler.
#[inline(always)]
fn round<const R: usize>([mut a, mut b, mut c, mut d]: [[u32; 4]; 4], m: &[u32; 16]) -> [[u32; 4]; 4] {
    let order = const { ORDERS[R] };
    for at in 0..4 {
        let (x, y) = (m[order[2 * at]], m[order[2 * at + 1]]);
        [a[at], b[at], c[at], d[at]] = mix([a[at], b[at], c[at], d[at]], x, y);
    }
    for at in 0..4 {
        let (x, y) = (m[order[8 + 2 * at]], m[order[9 + 2 * at]]);
        let [right, across, left] = [(at + 1) % 4, (at + 2) % 4, (at + 3) % 4];
        [a[at], b[right], c[across], d[left]] = mix([a[at], b[right], c[across], d[left]], x, y);
    }
    [a, b, c, d]
}

/// Takes in a block. `length` is how many bytes there were up to its end.
fn compress(state: &mut [u32; 8], block: &[u8; BLOCK], length: u64, is_last: bool) {
    let (words, _) = block.as_chunks::<4>();
    let m: [u32; 16] = std::array::from_fn(|at| u32::from_le_bytes(words[at]));
    let [s0, s1, s2, s3, s4, s5, s6, s7] = START;
    let (counted, last) = ([length as u32, (length >> 32) as u32], if is_last { u32::MAX } else { 0 });
    let [a, b] = [[state[0], state[1], state[2], state[3]], [state[4], state[5], state[6], state[7]]];
    let [c, d] = [[s0, s1, s2, s3], [s4 ^ counted[0], s5 ^ counted[1], s6 ^ last, s7]];
    let mut rows = [a, b, c, d];
    rows = round::<0>(rows, &m);
    rows = round::<1>(rows, &m);
    rows = round::<2>(rows, &m);
    rows = round::<3>(rows, &m);
    rows = round::<4>(rows, &m);
    rows = round::<5>(rows, &m);
    rows = round::<6>(rows, &m);
    rows = round::<7>(rows, &m);
    rows = round::<8>(rows, &m);
    rows = round::<9>(rows, &m);
    let [a, b, c, d] = rows;
    for at in 0..4 {
        state[at] ^= a[at] ^ c[at];
        state[at + 4] ^= b[at] ^ d[at];
    }
}

/// The first eight bytes of the digest, the lowest first.
pub(super) fn digest64(bytes: &[u8]) -> u64 {
    let mut state = START;
    state[0] ^= PARAMETERS;
    // The last block is never empty, unless there is nothing.
    let before = bytes.len().saturating_sub(1) / BLOCK * BLOCK;
    for (at, block) in bytes[..before].as_chunks::<BLOCK>().0.iter().enumerate() {
        compress(&mut state, block, (at as u64 + 1) * BLOCK as u64, false);
    }
    let (mut block, rest) = ([0; BLOCK], &bytes[before..]);
    block[..rest.len()].copy_from_slice(rest);
    compress(&mut state, &block, bytes.len() as u64, true);
    u64::from(state[0]) | u64::from(state[1]) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_blake2s() {
        let of = |length: usize| digest64(&(0..length).map(|at| at as u8).collect::<Vec<u8>>()).to_le_bytes();
        // The first bytes of RFC 7693's example, and of the digests of 0, 1, 2, ... that Python's hashlib.blake2s gives.
        assert_eq!(digest64(b"abc").to_le_bytes(), [0x50, 0x8c, 0x5e, 0x8c, 0x32, 0x7c, 0x14, 0xe2]);
        for (length, expected) in KNOWN {
            assert_eq!(of(length), expected, "{length}");
        }
    }

    const KNOWN: [(usize, [u8; 8]); 10] = [
        (0, [0x69, 0x21, 0x7a, 0x30, 0x79, 0x90, 0x80, 0x94]),
        (1, [0xe3, 0x4d, 0x74, 0xdb, 0xaf, 0x4f, 0xf4, 0xc6]),
        (11, [0x68, 0x7e, 0x18, 0x73, 0xa8, 0x27, 0x75, 0x91]),
        (63, [0xe5, 0x7c, 0xb7, 0x94, 0x87, 0xdd, 0x57, 0x90]),
        (64, [0x56, 0xf3, 0x4e, 0x8b, 0x96, 0x55, 0x7e, 0x90]),
        (65, [0x1b, 0x53, 0xee, 0x94, 0xaa, 0xf3, 0x4e, 0x4b]),
        (127, [0xf1, 0x84, 0x17, 0xb3, 0x9d, 0x61, 0x7a, 0xb1]),
        (128, [0x1f, 0xa8, 0x77, 0xde, 0x67, 0x25, 0x9d, 0x19]),
        (129, [0x5b, 0xd1, 0x69, 0xe6, 0x7c, 0x82, 0xc2, 0xc2]),
        (255, [0xf0, 0x3f, 0x57, 0x89, 0xd3, 0x33, 0x6b, 0x80]),
    ];
}
