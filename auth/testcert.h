/* auth/testcert.h — gwd-testcert, which `gwctl test-cert --offline` runs: the
 * judgement of gwd-auth without a daemon. One process, one certificate, no
 * key, no network; only gwcert is linked. */
#ifndef GW_TESTCERT_H
#define GW_TESTCERT_H

#include "crls.h"

#define GW_TESTCERT_FILE_MAX ((size_t)256 << 20)
#define GW_TESTCERT_GIVEN    256 /* intermediates */
#define GW_TESTCERT_DEPTH    100 /* more is asked for in vain */

/* Exit status: a contract with scripts. */
enum { GW_TESTCERT_ACCEPTED = 0, GW_TESTCERT_REFUSED = 1,
       GW_TESTCERT_UNUSABLE = 2 };

struct gw_words {
	const char **v; /* heap; the words are argv's */
	size_t n;
};

struct gw_test_args {
	struct gw_words cas, crls, intermediates;
	const char *ocsp, *leaf;
	time_t at;
	bool wants_profile, has_purposes, json;
	struct gw_purposes purposes;
	struct gw_chain_rules rules;
	/* The section `ca` that all of `cas` are registered under; its values
	 * are checked. gw_conf_clear(). */
	struct gw_conf conf;
	struct gw_conf_ca *section; /* in `conf` */
};

/* ---- testcert_args.c: false, and a line on stderr, when misused; `*out` is to
 * be cleared in any case */
GW_MUST_CHECK bool gw_test_args_read(int argc, char **argv,
				     struct gw_test_args *out);
void gw_test_args_clear(struct gw_test_args *a);

/* ---- testcert_files.c: each false, and a line on stderr, when the file
 * cannot be read or holds nothing of the kind; an empty one can be read */
struct gw_blob {
	uint8_t *p; /* heap */
	size_t len;
};
void gw_blob_clear(struct gw_blob *b);
GW_MUST_CHECK bool gw_test_read(const char *path, struct gw_blob *out);
/* Every PEM block of one of the types "CERTIFICATE", "X509 CRL"…, or the
 * whole file as one DER SEQUENCE, to `fn`, which keeps what it needs. */
typedef void gw_test_block_fn(void *arg, struct gw_der der);
GW_MUST_CHECK bool gw_test_blocks(const char *path, const struct gw_blob *b,
				  const char *const *types,
				  gw_test_block_fn *fn, void *arg);

/* ---- testcert_say.c */
struct gw_test_stage {
	const char *name;
	bool is_reached;
	struct gw_error why; /* code GW_ERR_OK: passed */
	uint64_t us;
};
void gw_test_say(const struct gw_test_stage *stages, size_t n, bool json);

#endif
