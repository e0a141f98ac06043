//! One page of a list.

/// Some items, and the key to continue after.
///
/// The key is typed and belongs to the list; whoever hands it to a stranger makes it opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K> {
    /// The items.
    pub items: Vec<T>,
    /// The key of the last item, if there are more after it.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// The first `limit` of `items`, which were read with one more than that to see whether there are more.
    pub(crate) fn cut(mut items: Vec<T>, limit: u32, key: impl Fn(&T) -> K) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(key);
        Page { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn only_a_page_with_more_behind_it_has_a_next_key() {
        assert_eq!(Page::cut(vec![1, 2, 3], 2, |item| *item).next, Some(2));
        assert_eq!(Page::cut(vec![1, 2], 2, |item| *item).next, None);
    }
}
