/* admin.c — see gw/admin.h. */
#include "gw/admin.h"
#include "gw/util.h"

#include <string.h>

/* ---- the list */

static const struct {
	const char *name;
	int status;
	const char *cause, *cure;
} list[] = {
#define X(id, name, status, cause, cure) { name, status, cause, cure },
#include "gw/admin.def"
#undef X
};

const char *
gw_admin_err_name(enum gw_admin_err e)
{
	return list[e].name;
}

int
gw_admin_err_status(enum gw_admin_err e)
{
	return list[e].status;
}

const char *
gw_admin_err_cause(enum gw_admin_err e)
{
	return list[e].cause;
}

const char *
gw_admin_err_cure(enum gw_admin_err e)
{
	return list[e].cure;
}

enum gw_admin_err
gw_admin_err_by_name(const char *name)
{
	size_t i = 0;

	while (i < GW_COUNT(list) && strcmp(list[i].name, name) != 0)
		i++;
	return (enum gw_admin_err)i;
}

bool
gw_ca_id_is_valid(const char *s)
{
	return strlen(s) == GW_CA_ID_SIZE - 1 && strncmp(s, "c-", 2) == 0 &&
	       strspn(s + 2, "0123456789abcdef") == GW_CA_ID_SIZE - 3;
}

/* ---- ADMIN */

/* What belongs to each verb: everything else must be absent. */
static const struct {
	bool wants_id, wants_pem, has_settings;
	uint32_t flags;
	bool is_trial;
} verbs[GW_ADMIN_VERB_COUNT] = {
	[GW_ADMIN_CA_REGISTER] = { false, true, true, GW_ADMIN_ALLOW_SHORT },
	[GW_ADMIN_CA_DEREGISTER] = { true, false, false, GW_ADMIN_FORCE },
	[GW_ADMIN_CA_UPDATE] = { true, false, true, 0 },
	[GW_ADMIN_CLIENT_AUTH] = { false, false, false, GW_ADMIN_ENABLE },
	[GW_ADMIN_TEST_CERT] = { false, true, false, 0, true },
};

/* With the four bytes of each length, and room for the small fields. */
_Static_assert(GW_ADMIN_PEM_MAX + GW_SETTINGS_TEXT +
	       2 * 4 * GW_SETTINGS_MAX + GW_NAME_MAX + 256 <= GW_PAYLOAD_MAX,
	       "a change fits into one message");

void
gw_admin_encode(struct gw_wr *w, const struct gw_admin *a)
{
	gw_wr_u8(w, (uint8_t)a->verb);
	gw_wr_u32(w, a->flags);
	gw_wr_str(w, a->id);
	gw_settings_encode(w, &a->settings);
	gw_wr_bytes(w, a->pem != NULL ? a->pem : (const uint8_t *)"",
		    a->pem_len);
	gw_wr_str(w, a->listener);
	gw_wr_u64(w, (uint64_t)a->at);
}

bool
gw_admin_is_valid(const struct gw_admin *a)
{
	return (a->flags & ~verbs[a->verb].flags) == 0 &&
	       (verbs[a->verb].wants_id ? gw_ca_id_is_valid(a->id)
					: a->id[0] == '\0') &&
	       (a->pem_len > 0) == verbs[a->verb].wants_pem &&
	       (a->settings.count == 0 || verbs[a->verb].has_settings) &&
	       ((a->listener[0] == '\0' && a->at == 0) ||
		verbs[a->verb].is_trial) && a->at >= 0;
}

bool
gw_admin_decode(struct gw_rd *r, struct gw_admin *out)
{
	uint8_t verb = gw_rd_u8(r);

	memset(out, 0, sizeof(*out));
	out->flags = gw_rd_u32(r);
	gw_rd_str(r, out->id, sizeof(out->id));
	gw_settings_decode(r, &out->settings);
	out->pem = gw_rd_bytes(r, GW_ADMIN_PEM_MAX, &out->pem_len);
	gw_rd_str(r, out->listener, sizeof(out->listener));
	out->at = (int64_t)gw_rd_u64(r);
	if (!gw_rd_done(r) || verb >= GW_ADMIN_VERB_COUNT)
		return false;
	out->verb = (enum gw_admin_verb)verb;
	return gw_admin_is_valid(out);
}

/* ---- ADMIN_DONE */

void
gw_admin_done_encode(struct gw_wr *w, const struct gw_admin_done *d)
{
	gw_wr_u8(w, (uint8_t)d->error);
	gw_wr_str(w, d->id);
	gw_wr_str(w, d->detail);
	gw_wr_u32(w, d->ended);
	gw_wr_bytes(w, (const uint8_t *)(d->report != NULL ? d->report : ""),
		    d->report_len);
}

bool
gw_admin_done_decode(struct gw_rd *r, struct gw_admin_done *out)
{
	uint8_t error = gw_rd_u8(r);

	memset(out, 0, sizeof(*out));
	gw_rd_str(r, out->id, sizeof(out->id));
	gw_rd_str(r, out->detail, sizeof(out->detail));
	out->ended = gw_rd_u32(r);
	out->report = (const char *)gw_rd_bytes(r, GW_ADMIN_REPORT_MAX,
						&out->report_len);
	if (!gw_rd_done(r) || error >= GW_ADMIN_ERR_COUNT)
		return false;
	out->error = (enum gw_admin_err)error;
	return out->id[0] == '\0' || gw_ca_id_is_valid(out->id);
}

/* ---- CA_NAMES */

/* The whole length of a DER SEQUENCE at `p`; 0 when it is none or cut. */
static size_t
sequence_len(const uint8_t *p, size_t len)
{
	size_t n = 0, head = 2;

	if (len < 2 || p[0] != 0x30)
		return 0;
	if (p[1] < 0x80) {
		n = p[1];
	} else {
		head += p[1] & 0x7fu;
		if (p[1] == 0x80 || head > 4 || head > len)
			return 0;
		for (size_t i = 2; i < head; i++)
			n = n << 8 | p[i];
	}
	return n <= len - head ? head + n : 0;
}

bool
gw_ca_names_decode(struct gw_rd *r, const uint8_t **out, size_t *out_len)
{
	size_t len, n;
	const uint8_t *p = gw_rd_bytes(r, GW_CA_NAMES_MAX, &len);

	if (!gw_rd_done(r))
		return false;
	for (size_t at = 0; at < len; at += n)
		if ((n = sequence_len(p + at, len - at)) == 0)
			return false;
	*out = p;
	*out_len = len;
	return true;
}
