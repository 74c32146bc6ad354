"""The demo's app: a catalogue of products, streamed in every way there is."""
