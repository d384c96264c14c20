/* heap.h — what OpenSSL allocates: a bound on what strangers can make of it,
 * and buffers at hand for what everybody makes of it. gwd-proxy only.
 *
 * A handshake message's buffer is allocated, and cleared, as its first four
 * bytes announce: ten bytes of a ClientHello cost 170 KiB until the
 * handshake's time is up. What clients really send fits into small pieces;
 * of large ones there are only GW_HEAP_LARGE_MAX at once, in the whole
 * process, and who asks for one more fails its handshake.
 *
 * A record's buffer is taken and given back for each record that moves, so
 * that a connection at rest holds none (SSL_MODE_RELEASE_BUFFERS). A thread
 * keeps some of them, half a MiB, until gw_heap_clear(). */
#ifndef GW_PROXY_HEAP_H
#define GW_PROXY_HEAP_H

#include <stddef.h>
#include "gw/compiler.h"

/* Bytes; a message of 30 KB makes one. OpenSSL's own, records and stacks of
 * jobs, are smaller. */
#define GW_HEAP_LARGE     40000
#define GW_HEAP_LARGE_MAX 256

/* Before OpenSSL is used at all; false when it was. */
GW_MUST_CHECK bool gw_heap_init(void);
/* At a thread's end: frees what it has at hand. */
void gw_heap_clear(void);

#endif
