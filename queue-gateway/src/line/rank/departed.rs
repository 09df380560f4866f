//! Which places of the current epoch have departed: a bit each, with a Fenwick tree of counts over blocks of bits.

const BITS: u64 = 64;
/// Eight words fill one cache line: a lookup reads that line and a logarithmic number of counts.
const WORDS_PER_BLOCK: usize = 8;
const BLOCK: u64 = BITS * WORDS_PER_BLOCK as u64;
/// Fewer finished blocks than this are not worth a move of the rest.
const LEAST_DROPPED: usize = 64;

/// A growing set of ordinals (1, 2, 3...) that counts its members below any ordinal.
#[derive(Clone, Debug, Default)]
pub(super) struct Departed {
    /// Everything before this offset (ordinal - 1) has departed and is no longer stored; a multiple of [`BLOCK`].
    base: u64,
    /// The bits from `base` on, in whole blocks.
    words: Vec<u64>,
    /// Fenwick tree over the blocks of `words`: entry `i` (1-based) counts the `i & -i` blocks that end with block `i`.
    tree: Vec<u64>,
    /// How many leading blocks of `words` are full.
    finished: usize,
    /// Members stored in `words`.
    stored: u64,
}

impl Departed {
    /// All ordinals up to `last`. [`Departed::index`] must follow before any question or insertion.
    pub(super) fn everybody(last: u64) -> Self {
        let mut words = vec![0; offset(last.div_ceil(BLOCK)) * WORDS_PER_BLOCK];
        let whole = offset(last / BITS);
        words[..whole].fill(u64::MAX);
        if !last.is_multiple_of(BITS) {
            words[whole] = (1 << (last % BITS)) - 1;
        }
        Self { words, ..Self::default() }
    }

    /// The set that [`bits`](Self::bits) tells; `None` for none that it tells.
    pub(super) fn of(base: u64, bits: &[u8]) -> Option<Self> {
        let words: Vec<u64> = bits
            .chunks_exact(size_of::<u64>())
            .filter_map(|word| word.try_into().ok())
            .map(u64::from_le_bytes)
            .collect();
        let is_whole = base.is_multiple_of(BLOCK) && bits.len().is_multiple_of(WORDS_PER_BLOCK * size_of::<u64>());
        let mut departed = Self { base, words, ..Self::default() };
        departed.index();
        is_whole.then_some(departed)
    }

    /// Everything up to `base` is in the set; of what follows, a bit each.
    pub(super) fn bits(&self) -> (u64, Vec<u8>) {
        (self.base, self.words.iter().flat_map(|word| word.to_le_bytes()).collect())
    }

    /// Removes one ordinal from a set that is not indexed yet.
    pub(super) fn keep(&mut self, ordinal: u64) {
        let bit = ordinal - 1;
        if let Some(word) = self.words.get_mut(offset(bit / BITS)) {
            *word &= !(1 << (bit % BITS));
        }
    }

    /// Counts the bits after they were changed in bulk, and drops the full blocks at the front.
    pub(super) fn index(&mut self) {
        let full = self.words.chunks_exact(WORDS_PER_BLOCK).take_while(|block| is_full(block)).count();
        self.drop_blocks(full);
    }

    /// Adds an ordinal; one that is in the set changes nothing.
    pub(super) fn insert(&mut self, ordinal: u64) {
        let Some(bit) = (ordinal - 1).checked_sub(self.base) else { return };
        let block = offset(bit / BLOCK);
        while self.tree.len() <= block {
            self.append_block();
        }
        let word = &mut self.words[offset(bit / BITS)];
        let mask = 1 << (bit % BITS);
        if *word & mask != 0 {
            return;
        }
        *word |= mask;
        self.stored += 1;
        let mut node = block + 1;
        while node <= self.tree.len() {
            self.tree[node - 1] += 1;
            node += lowest_bit(node);
        }
        if block == self.finished {
            self.forget_finished();
        }
    }

    /// Adds every ordinal up to and including `last`.
    pub(super) fn insert_through(&mut self, last: u64) {
        let Some(bits) = last.checked_sub(self.base).filter(|bits| *bits > 0) else { return };
        let blocks = offset(bits.div_ceil(BLOCK));
        if blocks * WORDS_PER_BLOCK > self.words.len() {
            self.words.resize(blocks * WORDS_PER_BLOCK, 0);
        }
        let whole = offset(bits / BITS);
        self.words[..whole].fill(u64::MAX);
        if !bits.is_multiple_of(BITS) {
            self.words[whole] |= (1 << (bits % BITS)) - 1;
        }
        self.index();
    }

    pub(super) fn contains(&self, ordinal: u64) -> bool {
        match (ordinal - 1).checked_sub(self.base) {
            None => true,
            Some(bit) => self.words.get(offset(bit / BITS)).is_some_and(|word| word & (1 << (bit % BITS)) != 0),
        }
    }

    /// How many members are smaller than `ordinal`.
    pub(super) fn below(&self, ordinal: u64) -> u64 {
        let Some(bit) = (ordinal - 1).checked_sub(self.base) else { return ordinal - 1 };
        let word = offset(bit / BITS);
        let Some(partial) = self.words.get(word) else { return self.base + self.stored };
        let mut block = word / WORDS_PER_BLOCK;
        let mut count = u64::from((partial & ((1 << (bit % BITS)) - 1)).count_ones());
        count += ones(&self.words[block * WORDS_PER_BLOCK..word]);
        while block > 0 {
            count += self.tree[block - 1];
            block -= lowest_bit(block);
        }
        self.base + count
    }

    pub(super) fn heap_bytes(&self) -> usize {
        (self.words.capacity() + self.tree.capacity()) * size_of::<u64>()
    }

    fn append_block(&mut self) {
        self.words.resize(self.words.len() + WORDS_PER_BLOCK, 0);
        let node = self.tree.len() + 1;
        // The new block is empty, so its node counts just the nodes right below it.
        let (mut count, mut step) = (0, 1);
        while step < lowest_bit(node) {
            count += self.tree[node - step - 1];
            step *= 2;
        }
        self.tree.push(count);
    }

    /// Drops the full blocks at the front once they are at least half of what is stored, so that the work of moving the
    /// rest is paid for by the departures that filled them.
    fn forget_finished(&mut self) {
        let full = self.words.chunks_exact(WORDS_PER_BLOCK).skip(self.finished).take_while(|block| is_full(block));
        self.finished += full.count();
        if self.finished >= LEAST_DROPPED && self.finished * 2 >= self.tree.len() {
            self.drop_blocks(self.finished);
        }
    }

    fn drop_blocks(&mut self, blocks: usize) {
        self.words.drain(..blocks * WORDS_PER_BLOCK);
        self.words.shrink_to(self.words.len() * 2);
        self.base += blocks as u64 * BLOCK;
        self.finished = 0;
        self.stored = ones(&self.words);
        self.tree.clear();
        self.tree.extend(self.words.chunks_exact(WORDS_PER_BLOCK).map(ones));
        self.tree.shrink_to(self.tree.len() * 2);
        for node in 1..=self.tree.len() {
            let parent = node + lowest_bit(node);
            if parent <= self.tree.len() {
                self.tree[parent - 1] += self.tree[node - 1];
            }
        }
    }
}

fn lowest_bit(node: usize) -> usize {
    node & node.wrapping_neg()
}

fn ones(words: &[u64]) -> u64 {
    words.iter().map(|word| u64::from(word.count_ones())).sum()
}

fn is_full(words: &[u64]) -> bool {
    words.iter().all(|&word| word == u64::MAX)
}

/// As an index. On targets whose addresses are narrower than 64 bits an offset out of reach is past every vector.
fn offset(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
