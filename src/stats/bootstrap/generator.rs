//! The random numbers of the bootstrap: xoshiro256++ 1.0 (Blackman and Vigna 2019) whose state
//! splitmix64 (Steele, Lea and Flood 2014) fills. Written out here because the numbers are part
//! of the evidence: an update of a dependency must not change them.

/// Not for secrets.
pub struct Generator {
    state: [u64; 4],
}

impl Generator {
    /// Stream `stream` of `seed`: the state is four numbers of splitmix64, started at the seed
    /// mixed with the stream.
    pub fn of(seed: u64, stream: u64) -> Self {
        let mut start = mixed(seed.wrapping_add(GAMMA)) ^ mixed(stream.wrapping_mul(GAMMA));
        Self { state: std::array::from_fn(|_| splitmix(&mut start)) }
    }

    fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// Uniform on the multiples of 2^-53 in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Generator {
    /// Normal with mean 0 and standard deviation 1, by the transform of Box and Muller (1958); of its two numbers only
    /// the first is used, so that one number is always two draws.
    pub fn normal(&mut self) -> f64 {
        // 1 - u is never 0, so its logarithm is finite.
        let (radius, angle) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// Uniform below `bound`, by multiplication and rejection (Lemire 2019): every number is as
    /// likely as every other. 0 for a bound of 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        let bound = u64::from(bound);
        loop {
            let product = (self.next() >> 32) * bound;
            let rest = product & u64::from(u32::MAX);
            // Only where the rest is below the bound can the number be one of the uneven ones.
            if bound <= rest || rest >= (1_u64 << 32) % bound.max(1) {
                return (product >> 32) as u32;
            }
        }
    }
}

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(GAMMA);
    mixed(*state)
}

fn mixed(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_generators_give_the_published_numbers() {
        let mut state = 1_234_567;
        let got: Vec<u64> = (0..3).map(|_| splitmix(&mut state)).collect();
        assert_eq!(got, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
        let mut generator = Generator { state: [1, 2, 3, 4] };
        let got: Vec<u64> = (0..4).map(|_| generator.next()).collect();
        assert_eq!(got, [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]);
    }

    #[test]
    fn streams_differ_and_uniform_numbers_fill_the_unit_interval() {
        assert_ne!(Generator::of(1, 0).next(), Generator::of(1, 1).next());
        assert_ne!(Generator::of(1, 0).next(), Generator::of(0, 1).next());
        let mut generator = Generator::of(7, 0);
        let mut tenths = [0_u32; 10];
        for _ in 0..10_000 {
            tenths[(generator.uniform() * 10.0) as usize] += 1;
        }
        assert!(tenths.iter().all(|count| (850..1150).contains(count)), "{tenths:?}");
    }

    #[test]
    fn normal_numbers_have_the_moments_and_tails_of_the_normal_distribution() {
        let mut generator = Generator::of(5, 0);
        let n = 100_000_u32;
        let drawn: Vec<f64> = (0..n).map(|_| generator.normal()).collect();
        let mean = |of: &dyn Fn(f64) -> f64| drawn.iter().map(|x| of(*x)).sum::<f64>() / f64::from(n);
        assert!(mean(&|x| x).abs() < 0.015);
        assert!((mean(&|x| x * x) - 1.0).abs() < 0.02);
        assert!((mean(&|x| x.powi(4)) - 3.0).abs() < 0.15);
        // P(|x| > 1.96) is 0.05.
        assert!((mean(&|x| f64::from(u8::from(1.959_964 < x.abs()))) - 0.05).abs() < 0.003);
    }

    #[test]
    fn bounded_numbers_fill_their_range() {
        let mut generator = Generator::of(3, 0);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[generator.below(7) as usize] += 1;
        }
        // Chi-square on 6 degrees of freedom is below 27.9 in 9,999 of 10,000 cases.
        let statistic: f64 = counts.iter().map(|count| (f64::from(*count) - 1e4).powi(2) / 1e4).sum();
        assert!(statistic < 27.9, "{counts:?}");
        assert_eq!((generator.below(0), generator.below(1)), (0, 0));
        assert!((0..1000).all(|_| generator.below(u32::MAX) < u32::MAX));
    }
}
