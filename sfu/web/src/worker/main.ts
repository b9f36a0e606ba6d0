// The worker that will own all keys, counters and windows. Without a handler for transforms nothing is sent or shown.
export {};
