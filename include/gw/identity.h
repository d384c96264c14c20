/* gw/identity.h — what a certificate claims and what the directory confirms.
 * Linked into auth and kdc; the proxy sees only the result.
 *
 * Claims are made by gwd-auth from a certificate whose chain and revocation
 * status have been judged good. Facts are made by gwd-kdc after the domain
 * controller has confirmed who was bound. */
#ifndef GW_IDENTITY_H
#define GW_IDENTITY_H

#include "gw/compiler.h"

#define GW_SID_MAX       184  /* S-1- and 15 sub-authorities, with NUL */
#define GW_UPN_MAX       1025 /* MS-ADA3: at most 1024 characters */
#define GW_SAM_MAX       257  /* sAMAccountName */
#define GW_DN_MAX        2048
#define GW_NAME_MAX      257
#define GW_ALTSEC_MAX    2048
#define GW_ALTSEC_COUNT  8
#define GW_GROUPS_MAX    1015 /* MaxTokenSize lets no more into a token */
#define GW_HOST_MAX      256

/* One altSecurityIdentities value the certificate would match. */
struct gw_altsec {
	char *value; /* "X509:<I>…<SR>…", heap */
	bool is_strong;
};

struct gw_claims {
	char upn[GW_UPN_MAX]; /* "" when the certificate has none */
	char sid[GW_SID_MAX]; /* SID extension or SAN URI; "" when none */
	struct gw_altsec altsec[GW_ALTSEC_COUNT];
	size_t altsec_count;
	int64_t not_before; /* when the certificate begins; unix time */
};

void gw_claims_clear(struct gw_claims *c);

/* How the account was found; strongest first. */
enum gw_mapping {
	GW_MAPPED_NOT = 0,
	GW_MAPPED_SID,     /* SID in the certificate: strong */
	GW_MAPPED_ALTSEC,  /* strong altSecurityIdentities */
	GW_MAPPED_UPN,     /* name only: weak */
	GW_MAPPED_ALTSEC_WEAK,
	GW_MAPPED_KDC,     /* the KDC's word alone, mapping.mode = "kdc": weak,
			      for its reason is not known */
	GW_MAPPED_COUNT
};
const char *gw_mapping_name(enum gw_mapping m); /* "sid", "altsecid", … */
bool gw_mapping_is_strong(enum gw_mapping m);

struct gw_group {
	char *sid;  /* heap */
	char *name; /* sAMAccountName; "" when it could not be resolved */
};

struct gw_facts {
	char sam[GW_SAM_MAX];
	char upn[GW_UPN_MAX];
	char sid[GW_SID_MAX];
	char dn[GW_DN_MAX];
	char display_name[GW_NAME_MAX];
	char mail[GW_NAME_MAX];
	char dc[GW_HOST_MAX];        /* the one DC that did all of it */
	enum gw_mapping mapping;
	bool is_privileged;          /* adminCount, RID 500/502, computer */
	struct gw_group *groups;     /* heap; the token's SIDs, own left out */
	size_t group_count;
	time_t ticket_end;           /* of the ticket to ldap/<dc> */
	uint32_t map_us, self_us, proxy_us, bind_us; /* time per stage */
};

void gw_facts_clear(struct gw_facts *f);

/* "S-1-…" of at most 15 sub-authorities, each a 32-bit number without
 * leading zeros (MS-DTYP 2.4.2.1). */
bool gw_sid_is_valid(const char *s);
/* From the binary form (MS-DTYP 2.4.2.2); false when malformed. */
bool gw_sid_from_binary(const uint8_t *p, size_t len, char out[GW_SID_MAX]);
/* The last sub-authority; 0 when the text is not a SID. */
uint32_t gw_sid_rid(const char *s);

/* One '@', both sides non-empty, valid UTF-8, no control, direction or
 * zero-width characters, at most 1024 bytes. */
bool gw_upn_is_valid(const char *s, size_t len);

#endif
