/* kdf.c — see kdf.h. */
#include "kdf.h"
#include "gw/compiler.h"
#include "gw/util.h"
#include "gw/wire.h"

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#define HASH_MAX    48  /* bytes, of SHA-384 */
#define BLOCK_MAX   128
#define MESSAGE_MAX 520 /* an HkdfLabel has 514 at most */

struct bytes {
	const uint8_t *p; /* NULL: not given */
	size_t len;
};

static struct hash {
	const char *name;
	size_t block, len;
	EVP_MD *md;
	uint8_t nothing[HASH_MAX]; /* the hash of it */
} hashes[] = {
	{ .name = "SHA2-256", .block = 64, .len = 32 },
	{ .name = "SHA2-384", .block = 128, .len = 48 },
};

/* ---- RFC 2104 and RFC 5869 */

static void
pad(uint8_t *out, const struct hash *h, struct bytes key, uint8_t with)
{
	memset(out, with, h->block);
	for (size_t i = 0; i < key.len; i++)
		out[i] ^= key.p[i];
}

static bool
digest(const struct hash *h, const uint8_t *p, size_t len, uint8_t *out)
{
	return EVP_Digest(p, len, out, NULL, h->md, NULL) == 1;
}

/* `out` has room for HASH_MAX. */
static bool
hmac(const struct hash *h, struct bytes key, struct bytes message,
     uint8_t *out)
{
	uint8_t buf[BLOCK_MAX + MESSAGE_MAX];
	bool ok;

	if (key.len > h->block || message.len > MESSAGE_MAX)
		return false;
	pad(buf, h, key, 0x36);
	memcpy(buf + h->block, message.p, message.len);
	ok = digest(h, buf, h->block + message.len, out);
	OPENSSL_cleanse(buf + h->block, message.len);
	pad(buf, h, key, 0x5c);
	memcpy(buf + h->block, out, h->len);
	ok = ok && digest(h, buf, h->block + h->len, out);
	OPENSSL_cleanse(buf, h->block + h->len);
	return ok;
}

/* ---- RFC 8446, 7.1 */

struct input {
	const struct hash *hash;
	int mode;
	struct bytes key, salt, prefix, label, data;
};

/* An HkdfLabel, and the 1 by which Expand numbers its first block. 0: too
 * long. */
static size_t
write_info(const struct input *in, struct bytes context, size_t len,
	   uint8_t out[MESSAGE_MAX])
{
	size_t label = in->prefix.len + in->label.len;
	struct gw_wr w = gw_wr_init(out, MESSAGE_MAX);

	if (label > UINT8_MAX || context.len > UINT8_MAX)
		return 0;
	gw_wr_u8(&w, 0); /* of the length: it is no more than HASH_MAX */
	gw_wr_u8(&w, (uint8_t)len);
	gw_wr_u8(&w, (uint8_t)label);
	gw_wr_raw(&w, in->prefix.p, in->prefix.len);
	gw_wr_raw(&w, in->label.p, in->label.len);
	gw_wr_u8(&w, (uint8_t)context.len);
	gw_wr_raw(&w, context.p, context.len);
	gw_wr_u8(&w, 1);
	return w.bad ? 0 : w.len;
}

static bool
expand_label(const struct input *in, struct bytes secret, struct bytes context,
	     uint8_t *out, size_t len)
{
	uint8_t info[MESSAGE_MAX], block[HASH_MAX];
	struct bytes message = { info, write_info(in, context, len, info) };
	bool ok = len <= in->hash->len && message.len > 0 &&
		  hmac(in->hash, secret, message, block);

	if (ok)
		memcpy(out, block, len);
	OPENSSL_cleanse(block, sizeof(block));
	return ok;
}

/* The next secret of the schedule: what the one before has derived, and the
 * new one or zeros. */
static bool
next_secret(const struct input *in, uint8_t *out, size_t len)
{
	static const uint8_t zeros[HASH_MAX];
	const struct hash *h = in->hash;
	uint8_t derived[HASH_MAX];
	struct bytes salt = { derived, 0 };
	struct bytes key = in->key.p != NULL ? in->key
					     : (struct bytes){ zeros, h->len };
	bool ok = len == h->len;

	if (in->salt.p != NULL) {
		ok = ok && expand_label(in, in->salt,
					(struct bytes){ h->nothing, h->len },
					derived, h->len);
		salt.len = h->len;
	}
	ok = ok && hmac(h, salt, key, out);
	OPENSSL_cleanse(derived, sizeof(derived));
	return ok;
}

/* ---- as OpenSSL calls it */

static struct bytes
bytes_of(const OSSL_PARAM params[], const char *name)
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, name);
	const void *at = NULL;
	struct bytes out = { NULL, 0 };

	if (p != NULL && OSSL_PARAM_get_octet_string_ptr(p, &at, &out.len) == 1)
		out.p = at;
	return out;
}

static const struct hash *
hash_of(const OSSL_PARAM params[])
{
	const OSSL_PARAM *p =
		OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_DIGEST);
	const char *name;

	if (p != NULL && OSSL_PARAM_get_utf8_string_ptr(p, &name) == 1)
		for (size_t i = 0; i < GW_COUNT(hashes); i++)
			if (strcmp(hashes[i].name, name) == 0)
				return &hashes[i];
	return NULL;
}

static bool
read_input(const OSSL_PARAM params[], struct input *out)
{
	const OSSL_PARAM *p =
		OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_MODE);

	*out = (struct input){
		.hash = hash_of(params),
		.key = bytes_of(params, OSSL_KDF_PARAM_KEY),
		.salt = bytes_of(params, OSSL_KDF_PARAM_SALT),
		.prefix = bytes_of(params, OSSL_KDF_PARAM_PREFIX),
		.label = bytes_of(params, OSSL_KDF_PARAM_LABEL),
		.data = bytes_of(params, OSSL_KDF_PARAM_DATA),
	};
	return p != NULL && OSSL_PARAM_get_int(p, &out->mode) == 1 &&
	       out->hash != NULL && out->prefix.p != NULL &&
	       out->label.p != NULL;
}

static int
derive(void *ctx, unsigned char *out, size_t len, const OSSL_PARAM params[])
{
	struct input in;

	(void)ctx;
	if (params == NULL || !read_input(params, &in))
		return 0;
	if (in.mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY)
		return next_secret(&in, out, len);
	return in.mode == EVP_KDF_HKDF_MODE_EXPAND_ONLY && in.key.p != NULL &&
	       expand_label(&in, in.key, in.data, out, len);
}

/* Everything comes with the call: nothing is kept, but NULL would be an
 * error. */
static void *
new_context(void *provider)
{
	(void)provider;
	return hashes;
}

static void
free_context(void *ctx)
{
	(void)ctx;
}

#define FUNCTION(id, fn) { OSSL_FUNC_KDF_##id, (void (*)(void))(fn) }

const OSSL_DISPATCH gw_kdf[] = {
	FUNCTION(NEWCTX, new_context),
	FUNCTION(FREECTX, free_context),
	FUNCTION(DERIVE, derive),
	{ 0, NULL },
};

void
gw_kdf_init(void)
{
	for (size_t i = 0; i < GW_COUNT(hashes); i++) {
		struct hash *h = &hashes[i];

		h->md = EVP_MD_fetch(OSSL_LIB_CTX_get0_global_default(),
				     h->name, NULL);
		gw_assert(h->md != NULL &&
			  digest(h, (const uint8_t *)"", 0, h->nothing));
	}
}

void
gw_kdf_clear(void)
{
	for (size_t i = 0; i < GW_COUNT(hashes); i++) {
		EVP_MD_free(hashes[i].md);
		hashes[i].md = NULL;
	}
}
