package sqlite

// fifo is a queue of entries.
type fifo struct {
	all  []entry
	head int
}

func (f *fifo) len() int { return len(f.all) - f.head }

func (f *fifo) push(e entry) {
	if f.head > 1024 && f.head*2 > len(f.all) {
		n := copy(f.all, f.all[f.head:])
		clear(f.all[n:])
		f.all, f.head = f.all[:n], 0
	}
	f.all = append(f.all, e)
}

// pop removes and returns the first entry. It reuses the memory before head once the queue is empty.
func (f *fifo) pop() (entry, bool) {
	if f.len() == 0 {
		return entry{}, false
	}
	e := f.all[f.head]
	f.all[f.head] = entry{}
	f.head++
	if f.head == len(f.all) {
		f.all, f.head = f.all[:0], 0
	}
	return e, true
}

// entryHeap is a container/heap of entries.
type entryHeap struct {
	all  []entry
	less func(a, b *entry) bool
}

func (h *entryHeap) Len() int           { return len(h.all) }
func (h *entryHeap) Less(i, k int) bool { return h.less(&h.all[i], &h.all[k]) }
func (h *entryHeap) Swap(i, k int)      { h.all[i], h.all[k] = h.all[k], h.all[i] }
func (h *entryHeap) Push(x any)         { h.all = append(h.all, x.(entry)) }
func (h *entryHeap) Pop() any {
	n := len(h.all) - 1
	e := h.all[n]
	h.all[n] = entry{}
	h.all = h.all[:n]
	return e
}
