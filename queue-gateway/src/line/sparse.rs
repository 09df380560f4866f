//! A few of very many numbers, in a sorted list of sorted chunks.

/// Large enough that counting whole chunks stays cheap at a million places, small enough that an insertion moves
/// little.
const CHUNK: usize = 2048;

/// A sorted set that counts its members below any number.
#[derive(Clone, Debug, Default)]
pub struct Sparse {
    /// None is empty, and each is wholly below the next.
    chunks: Vec<Vec<i64>>,
    /// The first member of each chunk, side by side for the search.
    firsts: Vec<i64>,
    /// The length of each chunk, side by side for the sum.
    lengths: Vec<u32>,
    len: u64,
}

impl Sparse {
    /// How many there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a number; one that is in the set changes nothing.
    pub fn insert(&mut self, number: i64) {
        if self.chunks.is_empty() {
            self.chunks.push(Vec::with_capacity(CHUNK));
            self.firsts.push(number);
            self.lengths.push(0);
        }
        let mut at = self.chunk_of(number);
        if self.chunks[at].len() == CHUNK {
            self.split(at);
            at = self.chunk_of(number);
        }
        if let Err(gap) = self.chunks[at].binary_search(&number) {
            self.chunks[at].insert(gap, number);
            self.len += 1;
            self.describe(at);
        }
    }

    /// Removes a number; one that is not in the set changes nothing.
    pub fn remove(&mut self, number: i64) {
        let at = self.chunk_of(number);
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        let Ok(found) = chunk.binary_search(&number) else { return };
        chunk.remove(found);
        self.len -= 1;
        if chunk.is_empty() {
            self.delete(at);
        } else {
            self.describe(at);
            self.merge_with_next(at);
        }
    }

    /// Removes every number up to and including `last`.
    pub fn remove_through(&mut self, last: i64) {
        while let Some(&first) = self.firsts.first()
            && first <= last
        {
            let chunk = &mut self.chunks[0];
            let gone = chunk.partition_point(|member| *member <= last);
            self.len -= gone as u64;
            if gone == chunk.len() {
                self.delete(0);
            } else {
                chunk.drain(..gone);
                self.describe(0);
            }
        }
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        self.chunks.iter().flatten().copied()
    }

    /// Whether a number is in the set.
    pub fn contains(&self, number: i64) -> bool {
        self.chunks.get(self.chunk_of(number)).is_some_and(|chunk| chunk.binary_search(&number).is_ok())
    }

    /// How many members are smaller than `number`.
    pub fn below(&self, number: i64) -> u64 {
        let at = self.chunk_of(number);
        let Some(chunk) = self.chunks.get(at) else { return 0 };
        let whole: u64 = self.lengths[..at].iter().copied().map(u64::from).sum();
        whole + chunk.partition_point(|&member| member < number) as u64
    }

    /// Bytes held on the heap.
    pub fn heap_bytes(&self) -> usize {
        let members: usize = self.chunks.iter().map(|chunk| chunk.capacity() * size_of::<i64>()).sum();
        members
            + self.chunks.capacity() * size_of::<Vec<i64>>()
            + self.firsts.capacity() * size_of::<i64>()
            + self.lengths.capacity() * size_of::<u32>()
    }

    /// The chunk that holds `number` or would: the last that does not begin above it.
    fn chunk_of(&self, number: i64) -> usize {
        self.firsts.partition_point(|&first| first <= number).saturating_sub(1)
    }

    fn split(&mut self, at: usize) {
        // Places mostly come back in order: leaving the full chunk whole then keeps the list dense.
        let tail = if at + 1 == self.chunks.len() { CHUNK - 1 } else { CHUNK / 2 };
        let mut upper = Vec::with_capacity(CHUNK);
        upper.extend(self.chunks[at].drain(tail..));
        self.chunks.insert(at + 1, upper);
        self.firsts.insert(at + 1, 0);
        self.lengths.insert(at + 1, 0);
        self.describe(at);
        self.describe(at + 1);
    }

    /// Joins two sparse neighbours, so that scattered departures do not leave a long list of nearly empty chunks.
    fn merge_with_next(&mut self, at: usize) {
        let Some(next) = self.chunks.get(at + 1) else { return };
        if self.chunks[at].len() + next.len() > CHUNK / 2 {
            return;
        }
        let upper = self.delete(at + 1);
        self.chunks[at].extend(upper);
        self.describe(at);
    }

    fn delete(&mut self, at: usize) -> Vec<i64> {
        self.firsts.remove(at);
        self.lengths.remove(at);
        self.chunks.remove(at)
    }

    fn describe(&mut self, at: usize) {
        let chunk = &self.chunks[at];
        self.firsts[at] = chunk.first().copied().unwrap_or_default();
        self.lengths[at] = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
    }
}
