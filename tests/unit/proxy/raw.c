/* raw.c — see raw.h. */
#include "raw.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl3.h>

#define TAG 16

static const uint8_t none[1]; /* of length 0 */

/* ---- RFC 8446, 7.1 */

static void
extract(const uint8_t salt[RAW_HASH], const uint8_t ikm[RAW_HASH],
	uint8_t out[RAW_HASH])
{
	HMAC(EVP_sha256(), salt, RAW_HASH, ikm, RAW_HASH, out, NULL);
}

/* One round of HKDF-Expand is enough for all that is asked here. */
static void
expand(const uint8_t secret[RAW_HASH], const char *label,
       const uint8_t *context, size_t context_len, uint8_t *out, size_t len)
{
	uint8_t info[100] = { 0, (uint8_t)len }, all[RAW_HASH];
	size_t n = 3, label_len = strlen(label);

	info[2] = (uint8_t)(6 + label_len);
	memcpy(info + n, "tls13 ", 6);
	memcpy(info + n + 6, label, label_len);
	n += 6 + label_len;
	info[n++] = (uint8_t)context_len;
	memcpy(info + n, context, context_len);
	n += context_len;
	info[n++] = 1;
	HMAC(EVP_sha256(), secret, RAW_HASH, info, n, all, NULL);
	memcpy(out, all, len);
}

static void
hash_so_far(const struct raw *t, uint8_t out[RAW_HASH])
{
	SHA256(t->transcript, t->transcript_len, out);
}

static void
derive(const uint8_t from[RAW_HASH], uint8_t out[RAW_HASH])
{
	uint8_t empty[RAW_HASH];

	SHA256((const uint8_t *)"", 0, empty);
	expand(from, "derived", empty, RAW_HASH, out, RAW_HASH);
}

static void
make_key(const struct raw *t, const uint8_t from[RAW_HASH], const char *label,
	 struct raw_key *k)
{
	uint8_t hash[RAW_HASH];

	hash_so_far(t, hash);
	k->sequence = 0;
	expand(from, label, hash, RAW_HASH, k->secret, RAW_HASH);
	expand(k->secret, "key", none, 0, k->key, sizeof(k->key));
	expand(k->secret, "iv", none, 0, k->iv, sizeof(k->iv));
}

/* ---- records */

static void
nonce_of(struct raw_key *k, uint8_t out[12])
{
	memcpy(out, k->iv, 12);
	for (int i = 0; i < 8; i++)
		out[11 - i] ^= (uint8_t)(k->sequence >> 8 * i);
	k->sequence++;
}

static void
crypt_record(struct raw_key *k, bool is_sealing, const uint8_t head[5],
	     uint8_t *p, size_t len, uint8_t *tag)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t nonce[12];
	int n;

	nonce_of(k, nonce);
	cr_assert(EVP_CipherInit_ex(c, EVP_aes_128_gcm(), NULL, k->key, nonce,
				    is_sealing) == 1 &&
		  EVP_CipherUpdate(c, NULL, &n, head, 5) == 1 &&
		  EVP_CipherUpdate(c, p, &n, p, (int)len) == 1);
	if (!is_sealing)
		EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, tag);
	cr_assert(EVP_CipherFinal_ex(c, nonce, &n) == 1, "a broken record");
	if (is_sealing)
		EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, tag);
	EVP_CIPHER_CTX_free(c);
}

static void
send_all(struct raw *t, const uint8_t *p, size_t len)
{
	while (len > 0) {
		ssize_t n = send(t->fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return; /* the answer tells why */
		p += n;
		len -= (size_t)n;
	}
}

void
raw_record(struct raw *t, uint8_t type, const void *data, size_t len)
{
	uint8_t *r = gw_xcalloc(1, 5 + len + 1 + TAG);
	size_t n = len;

	memcpy(r + 5, data, len);
	if (t->is_sealed) {
		r[5 + n++] = type;
		type = SSL3_RT_APPLICATION_DATA;
		n += TAG;
	}
	r[0] = type;
	r[1] = r[2] = 3;
	r[3] = (uint8_t)(n >> 8);
	r[4] = (uint8_t)n;
	if (t->is_sealed)
		crypt_record(&t->out, true, r, r + 5, n - TAG, r + 5 + n - TAG);
	send_all(t, r, 5 + n);
	free(r);
}

/* 1, or what raw_answer() says of an end. The text is in t->text. */
static int
get_record(struct raw *t, uint8_t *type)
{
	uint8_t head[5];
	ssize_t n = recv(t->fd, head, sizeof(head), MSG_WAITALL);
	size_t len;

	if (n != sizeof(head))
		return n < 0 && errno == EAGAIN ? RAW_SILENT : RAW_CLOSED;
	len = (size_t)head[3] << 8 | head[4];
	cr_assert_leq(len, sizeof(t->text));
	if (recv(t->fd, t->text, len, MSG_WAITALL) != (ssize_t)len)
		return RAW_CLOSED;
	*type = head[0];
	if (t->is_opened && *type == SSL3_RT_APPLICATION_DATA) {
		len -= TAG;
		crypt_record(&t->in, false, head, t->text, len, t->text + len);
		*type = t->text[--len];
	}
	t->text_len = len;
	t->text_at = 0;
	return 1;
}

/* ---- handshake messages */

static void
note(struct raw *t, const void *p, size_t len)
{
	cr_assert_leq(t->transcript_len + len, sizeof(t->transcript));
	memcpy(t->transcript + t->transcript_len, p, len);
	t->transcript_len += len;
}

void
raw_say(struct raw *t, uint8_t type, const void *body, size_t len)
{
	uint8_t head[4] = { type, (uint8_t)(len >> 16), (uint8_t)(len >> 8),
			    (uint8_t)len };
	const uint8_t *p = t->transcript + t->transcript_len;

	note(t, head, sizeof(head));
	note(t, body, len);
	for (len += sizeof(head); len > 0;) {
		size_t n = GW_MIN(len, (size_t)16384);

		raw_record(t, SSL3_RT_HANDSHAKE, p, n);
		p += n;
		len -= n;
	}
}

/* One of the server's, whole; messages may share a record, and none here
 * needs two. NULL: it is no handshake message. */
static const uint8_t *
hear(struct raw *t)
{
	const uint8_t *p;
	uint8_t type;
	size_t len;

	while (t->text_at == t->text_len)
		if (get_record(t, &type) != 1 ||
		    (type != SSL3_RT_HANDSHAKE &&
		     type != SSL3_RT_CHANGE_CIPHER_SPEC))
			return NULL;
		else if (type == SSL3_RT_CHANGE_CIPHER_SPEC)
			t->text_at = t->text_len;
	p = t->text + t->text_at;
	len = 4 + ((size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]);
	cr_assert_leq(t->text_at + len, t->text_len);
	t->text_at += len;
	note(t, p, len);
	return p;
}

static void
put(uint8_t **p, const void *data, size_t len)
{
	memcpy(*p, data, len);
	*p += len;
}

struct raw *
raw_new(int fd)
{
	static const uint8_t extensions[] = {
		0, 10, 0, 4, 0, 2, 0, 29,             /* X25519 */
		0, 13, 0, 6, 0, 4, 4, 3, 8, 4,        /* signatures */
		0, 43, 0, 3, 2, 3, 4,                 /* TLS 1.3 */
		0, 51, 0, 38, 0, 36, 0, 29, 0, 32,    /* our share follows */
	};
	struct raw *t = gw_xcalloc(1, sizeof(*t));
	uint8_t body[160] = { 3, 3 }, *p = body + 34;
	size_t n = sizeof(extensions) + 32, share_len = 32;

	t->fd = fd;
	t->share = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	memset(body + 2, 7, 32); /* random enough */
	put(&p, "\0\0\2\x13\x01\1\0", 7);
	*p++ = (uint8_t)(n >> 8);
	*p++ = (uint8_t)n;
	put(&p, extensions, sizeof(extensions));
	cr_assert(EVP_PKEY_get_raw_public_key(t->share, p, &share_len) == 1);
	raw_say(t, SSL3_MT_CLIENT_HELLO, body,
		(size_t)(p + share_len - body));
	return t;
}

void
raw_free(struct raw *t)
{
	EVP_PKEY_free(t->share);
	free(t);
}

/* With X25519 alone and no session, the server's share ends its message. */
static void
share_secret(struct raw *t, const uint8_t *hello, uint8_t out[RAW_HASH])
{
	size_t len = (size_t)hello[2] << 8 | hello[3], n = RAW_HASH;
	const uint8_t *p = hello + 4, *end = p + len;
	EVP_PKEY *peer = NULL;
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(t->share, NULL);

	for (p += 2 + 32 + 1 + p[34] + 2 + 1 + 2; end - p >= 4;
	     p += 4 + (p[2] << 8 | p[3]))
		if (p[0] == 0 && p[1] == 51)
			peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519,
							   NULL, p + 8, 32);
	cr_assert(peer != NULL && EVP_PKEY_derive_init(c) == 1 &&
		  EVP_PKEY_derive_set_peer(c, peer) == 1 &&
		  EVP_PKEY_derive(c, out, &n) == 1);
	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(peer);
}

bool
raw_server_part(struct raw *t)
{
	static const uint8_t zero[RAW_HASH];
	uint8_t stage[RAW_HASH], secret[RAW_HASH], shared[RAW_HASH];
	const uint8_t *m = hear(t);

	if (m == NULL || *m != SSL3_MT_SERVER_HELLO)
		return false;
	share_secret(t, m, shared);
	extract(zero, zero, stage);
	derive(stage, secret);
	extract(secret, shared, stage);
	make_key(t, stage, "s hs traffic", &t->in);
	make_key(t, stage, "c hs traffic", &t->out);
	t->is_opened = true;
	do {
		if ((m = hear(t)) == NULL)
			return false;
	} while (*m != SSL3_MT_FINISHED);
	derive(stage, secret);
	extract(secret, zero, stage);
	make_key(t, stage, "s ap traffic", &t->next_in);
	make_key(t, stage, "c ap traffic", &t->next_out);
	t->in = t->next_in;
	t->is_sealed = true;
	return true;
}

/* ---- the client's part */

void
raw_certificate(struct raw *t, X509 *const *certs, size_t n)
{
	uint8_t *body = gw_xcalloc(1, 4 + n * 4096), *p = body + 4;
	size_t len;

	for (size_t i = 0; i < n; i++) {
		uint8_t *at = p + 3;
		int der = i2d_X509(certs[i], &at);

		cr_assert(der > 0 && der < 4000);
		p[1] = (uint8_t)(der >> 8);
		p[2] = (uint8_t)der;
		p = at + 2; /* no extensions */
	}
	len = (size_t)(p - body) - 4;
	body[1] = (uint8_t)(len >> 16);
	body[2] = (uint8_t)(len >> 8);
	body[3] = (uint8_t)len;
	raw_say(t, SSL3_MT_CERTIFICATE, body, len + 4);
	free(body);
}

size_t
raw_to_sign(const struct raw *t, const char *who, uint8_t *out)
{
	uint8_t *p = out + 64;
	char context[34];

	memset(out, ' ', 64);
	gw_assert(gw_format(context, sizeof(context),
			    "TLS 1.3, %s CertificateVerify", who));
	memcpy(p, context, sizeof(context));
	p += strlen(context) + 1;
	hash_so_far(t, p);
	return (size_t)(p - out) + RAW_HASH;
}

void
raw_verify(struct raw *t, uint16_t scheme, EVP_PKEY *key, const EVP_MD *md,
	   bool is_pss, const uint8_t *text, size_t len)
{
	uint8_t body[600] = { (uint8_t)(scheme >> 8), (uint8_t)scheme };
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *k = NULL;
	size_t n = sizeof(body) - 4;

	cr_assert(EVP_DigestSignInit(c, &k, md, NULL, key) == 1);
	if (is_pss)
		cr_assert(EVP_PKEY_CTX_set_rsa_padding(
				  k, RSA_PKCS1_PSS_PADDING) == 1 &&
			  EVP_PKEY_CTX_set_rsa_pss_saltlen(
				  k, RSA_PSS_SALTLEN_DIGEST) == 1);
	cr_assert(EVP_DigestSign(c, body + 4, &n, text, len) == 1);
	EVP_MD_CTX_free(c);
	body[2] = (uint8_t)(n >> 8);
	body[3] = (uint8_t)n;
	raw_say(t, SSL3_MT_CERTIFICATE_VERIFY, body, n + 4);
}

size_t
raw_finished_of(const struct raw *t, uint8_t out[RAW_HASH])
{
	uint8_t key[RAW_HASH], hash[RAW_HASH];

	expand(t->out.secret, "finished", none, 0, key, RAW_HASH);
	hash_so_far(t, hash);
	HMAC(EVP_sha256(), key, RAW_HASH, hash, RAW_HASH, out, NULL);
	return RAW_HASH;
}

void
raw_finish(struct raw *t)
{
	uint8_t finished[RAW_HASH];

	raw_say(t, SSL3_MT_FINISHED, finished, raw_finished_of(t, finished));
	t->out = t->next_out;
}

int
raw_answer(struct raw *t)
{
	uint8_t type;
	int rc;

	while ((rc = get_record(t, &type)) == 1) {
		if (type == SSL3_RT_ALERT)
			return t->text[1];
		if (type == SSL3_RT_APPLICATION_DATA)
			return RAW_DATA;
	}
	return rc;
}
