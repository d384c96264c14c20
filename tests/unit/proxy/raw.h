/* raw.h — a TLS 1.3 client that says what it is told to, in whatever order:
 * RFC 8446 with X25519, AES-128-GCM and SHA-256, and no check of the server.
 * What OpenSSL's own client would never send is sent with this. */
#ifndef GW_TEST_RAW_H
#define GW_TEST_RAW_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include "gw/compiler.h"

#define RAW_HASH 32
#define RAW_TRANSCRIPT 160000

struct raw_key {
	uint8_t secret[RAW_HASH], key[16], iv[12];
	uint64_t sequence;
};

struct raw {
	int fd;
	EVP_PKEY *share;
	uint8_t transcript[RAW_TRANSCRIPT];
	size_t transcript_len;
	struct raw_key in, out, next_in, next_out; /* next: of the data */
	bool is_sealed, is_opened;   /* records are, that way */
	uint8_t text[20000];         /* of what came */
	size_t text_len, text_at;
};

/* Over a connected socket, which stays the caller's; freed with raw_free().
 * Sends a ClientHello. */
struct raw *raw_new(int fd);
void raw_free(struct raw *t);
/* Takes the server's part of the handshake; false when it is none. */
bool raw_server_part(struct raw *t);

/* One handshake message, or one record, as it is. */
void raw_say(struct raw *t, uint8_t type, const void *body, size_t len);
void raw_record(struct raw *t, uint8_t type, const void *data, size_t len);

/* A Certificate message with these `n`. */
void raw_certificate(struct raw *t, X509 *const *certs, size_t n);
/* What a CertificateVerify signs (RFC 8446, 4.4.3), of the transcript as it
 * is. At most 130 bytes. */
size_t raw_to_sign(const struct raw *t, const char *who, uint8_t *out);
/* A CertificateVerify that calls the signature of `text` by `scheme`. */
void raw_verify(struct raw *t, uint16_t scheme, EVP_PKEY *key,
		const EVP_MD *md, bool is_pss, const uint8_t *text, size_t len);
/* The Finished that belongs here. */
size_t raw_finished_of(const struct raw *t, uint8_t out[RAW_HASH]);
/* Says it, and goes on with the keys of the data. */
void raw_finish(struct raw *t);

enum { RAW_CLOSED = -1, RAW_SILENT = -2, RAW_DATA = -3 };
/* The first thing that is no handshake message: the alert's number, or one of
 * these. Data is in `text`. */
int raw_answer(struct raw *t);

#endif
