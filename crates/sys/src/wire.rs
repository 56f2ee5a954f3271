//! How a specification crosses the socket between the caller and its helper: lengths as `u32`, bytes as they are. Both ends are
//! the same executable, so the form has no version; the reader still trusts no length.

/// Appends values.
#[derive(Default)]
pub(crate) struct Writer {
    pub(crate) out: Vec<u8>,
}

impl Writer {
    pub(crate) fn u32(&mut self, n: u32) -> &mut Self {
        self.out.extend(n.to_ne_bytes());
        self
    }

    pub(crate) fn bool(&mut self, b: bool) -> &mut Self {
        self.out.push(u8::from(b));
        self
    }

    pub(crate) fn bytes(&mut self, b: &[u8]) -> &mut Self {
        self.u32(u32::try_from(b.len()).unwrap_or(u32::MAX));
        self.out.extend(b);
        self
    }

    pub(crate) fn list<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) -> &mut Self {
        self.u32(u32::try_from(items.len()).unwrap_or(u32::MAX));
        for i in items {
            item(self, i);
        }
        self
    }

    pub(crate) fn option<T>(&mut self, value: Option<&T>, mut item: impl FnMut(&mut Self, &T)) -> &mut Self {
        self.bool(value.is_some());
        if let Some(v) = value {
            item(self, v);
        }
        self
    }
}

/// Takes values; `None` when the bytes end early.
pub(crate) struct Reader<'a> {
    pub(crate) rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.rest.split_at_checked(n)?;
        self.rest = tail;
        Some(head)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take(4).and_then(|b| b.try_into().ok()).map(u32::from_ne_bytes)
    }

    pub(crate) fn bool(&mut self) -> Option<bool> {
        self.take(1).map(|b| b[0] != 0)
    }

    pub(crate) fn bytes(&mut self) -> Option<Vec<u8>> {
        let n = self.u32()?;
        self.take(n as usize).map(<[u8]>::to_vec)
    }

    pub(crate) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let n = self.u32()? as usize;
        // every item takes at least a byte
        let mut out = Vec::with_capacity(n.min(self.rest.len()));
        for _ in 0..n {
            out.push(item(self)?);
        }
        Some(out)
    }

    pub(crate) fn option<T>(&mut self, item: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.bool()? { item(self).map(Some) } else { Some(None) }
    }
}
