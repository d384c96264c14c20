/* auth/chain.h — a path from a certificate to a registered CA. Linked into
 * gwd-auth (gwcert). Does no I/O; the time is the caller's.
 *
 * Registered means: the operator named this very certificate. Every path ends
 * at one, and nothing a client sends becomes trusted. A registered
 * intermediate may be the end of a path when its own issuer is not registered;
 * while it is, the path goes on up to it, so that the issuer's end date and
 * constraints count too. libcrypto builds the path, this module sets the
 * rules and names the refusals. libcrypto tries one path; when that fails,
 * other ways up (cross-certificates, namesakes) are tried, a bounded few. */
#ifndef GW_CHAIN_H
#define GW_CHAIN_H

#include "cert.h"
#include "gw/conf.h"
#include "profile.h"

struct gw_trust; /* the registered CAs */
struct gw_path;

struct gw_trust *gw_trust_new(void);
void gw_trust_free(struct gw_trust *t); /* NULL is fine */

/* Registers every certificate of a PEM text under `ca` (borrowed as long as
 * `t` lives). GW_ERR_FILE: none, unreadable or not a CA's. */
GW_MUST_CHECK enum gw_err gw_trust_add(struct gw_trust *t, const uint8_t *pem,
				       size_t len, const struct gw_conf_ca *ca,
				       struct gw_error *err);

/* One certificate, of which it takes a reference. GW_ERR_FILE: not a CA's. */
GW_MUST_CHECK enum gw_err gw_trust_add_cert(struct gw_trust *t, X509 *x,
					    const struct gw_conf_ca *ca,
					    struct gw_error *err);

size_t gw_trust_count(const struct gw_trust *t);
bool gw_trust_has(const struct gw_trust *t, const X509 *x);
const X509 *gw_trust_cert(const struct gw_trust *t, size_t i);
const struct gw_conf_ca *gw_trust_ca(const struct gw_trust *t, size_t i);

/* What is zero is the rule for logins. */
struct gw_chain_rules {
	/* CAs between the certificate and the end of the path; self-issued
	 * ones do not count. */
	int max_depth;
	/* What a CA's extended key usage must allow; NULL: client
	 * authentication. */
	const struct gw_purposes *purposes;
	bool needs_common_purpose; /* profile.h; for when `purposes` is none */
	bool is_lenient; /* what conforming CAs must write is not insisted on:
			    criticality, key identifiers, serial numbers */
	/* RFC 5280, 6.1.1: X509_V_FLAG_EXPLICIT_POLICY, _INHIBIT_ANY,
	 * _INHIBIT_MAP, and the acceptable policies (NULL: any). Borrowed. */
	unsigned long policy_flags;
	STACK_OF(ASN1_OBJECT) *policies;
	/* How many seconds a certificate may be used before its validity
	 * begins and after it has ended. */
	int64_t skew_s;
	/* Asked about each path found, which counts only with GW_ERR_OK;
	 * NULL: nothing more is demanded (demands.h). */
	enum gw_err (*admits)(const struct gw_path *path,
			      const struct gw_chain_rules *rules, time_t now,
			      struct gw_error *err);
	void *arg; /* for `admits`; borrowed */
};
#define GW_CHAIN_DEPTH       8
#define GW_CHAIN_SELF_ISSUED 4 /* CAs in a path beyond its depth */
/* Certificates in a path of a login, both ends included. */
#define GW_PATH_MAX (GW_CHAIN_DEPTH + GW_CHAIN_SELF_ISSUED + 2)

/* A verified path. */
struct gw_path {
	STACK_OF(X509) *certs;       /* leaf, its issuer, … registered CA */
	const struct gw_conf_ca *ca; /* section of the registered CA nearest to
					the leaf: its settings apply */
	time_t not_before;           /* the last beginning in the path */
	time_t not_after;            /* the first end in the path */
};

X509 *gw_path_leaf(const struct gw_path *p);   /* borrowed */
X509 *gw_path_issuer(const struct gw_path *p); /* borrowed; never the leaf */
void gw_path_clear(struct gw_path *p);
/* The same certificates under the same section, as it was then. */
bool gw_path_is_same(const struct gw_path *a, const struct gw_path *b);
/* Another hold of the same certificates. */
void gw_path_ref(const struct gw_path *p, struct gw_path *out);

/* `given`: from gw_certs_parse(). GW_ERR_CERT_*; the detail names depth and
 * subject of the certificate that failed, and the rule. */
GW_MUST_CHECK enum gw_err gw_chain_verify(const struct gw_trust *t,
					  const struct gw_chain_rules *rules,
					  STACK_OF(X509) *given, time_t now,
					  struct gw_path *out,
					  struct gw_error *err);

/* For crls.c: libcrypto set up with these rules. NULL: no memory. */
X509_STORE_CTX *gw_chain_context(X509_STORE *store, X509 *leaf,
				 STACK_OF(X509) *untrusted,
				 const struct gw_chain_rules *rules,
				 time_t now, unsigned long flags)
	GW_MUST_CHECK;
/* For crls.c: its verify callback. */
int gw_chain_callback(int ok, X509_STORE_CTX *ctx);
/* For crls.c: the refusal that stands in `ctx`. */
enum gw_err gw_chain_tell(X509_STORE_CTX *ctx, struct gw_error *err);

/* The reason for an X509_V_ERR_ code; unknown codes are untrusted. */
enum gw_err gw_chain_reason(int x509_error);

#endif
