#include <zlib.h>

// Swift sees no macros with arguments.
static inline int martlet_deflate_start(z_stream *stream, int level) {
    // 16 above the largest window: with gzip's header and trailer.
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}

static inline int martlet_deflate_raw_start(z_stream *stream, int level, int window_bits, int memory_level) {
    return deflateInit2(stream, level, Z_DEFLATED, -window_bits, memory_level, Z_DEFAULT_STRATEGY);
}

static inline int martlet_inflate_start(z_stream *stream, int window_bits) {
    return inflateInit2(stream, window_bits);
}
