//! Random draws from a fixed seed.

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `end`, exclusive.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// From 0 to 1, exclusive, in steps of 2^-53.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The exponential distribution.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }
}

/// Which customer a row is about.
pub(crate) struct Customers {
    /// Customers by their rank, so that the busy ones are spread over all numbers.
    by_rank: Vec<usize>,
    /// The sum of the weights up to each rank.
    cumulative: Vec<f64>,
}

impl Customers {
    pub(crate) fn new(count: usize, zipf_exponent: f64, random: &mut Random) -> Self {
        let mut by_rank: Vec<usize> = (0..count).collect();
        for last in (1..count).rev() {
            by_rank.swap(last, random.below(last as u64 + 1) as usize);
        }
        let weights = (1..=count).map(|rank| (rank as f64).powf(-zipf_exponent));
        let cumulative = weights.scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self { by_rank, cumulative: cumulative.collect() }
    }

    pub(crate) fn pick(&self, random: &mut Random) -> usize {
        let total = self.cumulative.last().copied().unwrap_or(0.0);
        let drawn = random.unit() * total;
        self.by_rank[self.cumulative.partition_point(|&sum| sum <= drawn)]
    }
}
