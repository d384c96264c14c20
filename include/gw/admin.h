/* gw/admin.h — an operator's change of the registry on its way from the
 * supervisor to gwd-auth, and the answer. Linked into every process; only
 * those two and gwctl use it. It never goes through gwd-proxy. */
#ifndef GW_ADMIN_H
#define GW_ADMIN_H

#include "gw/identity.h"
#include "gw/settings.h"
#include "gw/wire.h"

enum gw_admin_err {
#define X(id, name, status, cause, cure) GW_ADMIN_##id,
#include "gw/admin.def"
#undef X
	GW_ADMIN_ERR_COUNT
};

const char *gw_admin_err_name(enum gw_admin_err e);
int gw_admin_err_status(enum gw_admin_err e); /* HTTP */
const char *gw_admin_err_cause(enum gw_admin_err e);
const char *gw_admin_err_cure(enum gw_admin_err e);
/* GW_ADMIN_ERR_COUNT when there is no such name. */
enum gw_admin_err gw_admin_err_by_name(const char *name);

/* "c-" and ten lower-case hex digits, as AD Connector has it. */
#define GW_CA_ID_SIZE 13
bool gw_ca_id_is_valid(const char *s);

enum gw_admin_verb {
	GW_ADMIN_CA_REGISTER,
	GW_ADMIN_CA_DEREGISTER,
	GW_ADMIN_CA_UPDATE,
	GW_ADMIN_CLIENT_AUTH, /* with GW_ADMIN_ENABLE: on, else off */
	GW_ADMIN_TEST_CERT,   /* changes nothing: tries a login out */
	GW_ADMIN_VERB_COUNT
};

enum gw_admin_flag {
	GW_ADMIN_ALLOW_SHORT = 1, /* less than 90 days left will do */
	GW_ADMIN_FORCE = 2,       /* sessions that chain through it end */
	GW_ADMIN_ENABLE = 4,
	GW_ADMIN_FLAGS = 7,
};

#define GW_ADMIN_PEM_MAX    24576 /* one certificate of GW_CERT_MAX, PEM */
#define GW_ADMIN_REPORT_MAX 32768
#define GW_ADMIN_DETAIL_MAX 256

struct gw_admin {
	enum gw_admin_verb verb;
	uint32_t flags;          /* enum gw_admin_flag */
	char id[GW_CA_ID_SIZE];  /* "" with REGISTER and CLIENT_AUTH */
	const uint8_t *pem;      /* borrowed; REGISTER: one certificate;
				    TEST_CERT: the one and its CAs */
	size_t pem_len;
	char listener[GW_NAME_MAX]; /* TEST_CERT only; "": the first */
	int64_t at;              /* TEST_CERT only: unix time; 0: now */
	struct gw_settings settings; /* REGISTER and UPDATE only */
};

struct gw_admin_done {
	enum gw_admin_err error;
	char id[GW_CA_ID_SIZE];  /* of the certificate; "" when there is none */
	char detail[GW_ADMIN_DETAIL_MAX];
	uint32_t ended;          /* sessions that were ended */
	const char *report;      /* TEST_CERT only: JSON, borrowed; after
				    decoding not NUL-terminated */
	size_t report_len;
};

/* Whether id, PEM, flags and settings are those of the verb. */
bool gw_admin_is_valid(const struct gw_admin *a);

/* The decoders accept only what makes sense for the verb. */
void gw_admin_encode(struct gw_wr *w, const struct gw_admin *a);
GW_MUST_CHECK bool gw_admin_decode(struct gw_rd *r, struct gw_admin *out);
void gw_admin_done_encode(struct gw_wr *w, const struct gw_admin_done *d);
GW_MUST_CHECK bool gw_admin_done_decode(struct gw_rd *r,
					struct gw_admin_done *out);

/* The subject names of all registered CAs, for gwd-proxy to offer to clients:
 * concatenated DER. Only the outermost length of each is looked at here. */
#define GW_CA_NAMES_MAX 32768
GW_MUST_CHECK bool gw_ca_names_decode(struct gw_rd *r, const uint8_t **out,
				      size_t *out_len);

#endif
