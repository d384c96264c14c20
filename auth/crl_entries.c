/* crl_entries.c — the entries of a list, which may be millions: walked over
 * once, then found by a table of offsets. */
#include "crl_priv.h"

#include <string.h>

#include "gw/util.h"

#define SERIAL_LEN   64 /* octets: RFC 5280 allows 20 */
#define BROKEN_ENTRY "an entry is broken"

/* ---- the table */

static uint64_t
hash(const struct gw_crl *c, struct gw_der serial)
{
	uint64_t h = c->seed;

	for (size_t i = 0; i < serial.len; i++)
		h = (h ^ serial.p[i]) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static bool
entry_at(const struct gw_crl *c, uint32_t slot, struct gw_der *out_whole,
	 struct gw_der *out_body)
{
	const uint8_t *p = c->der + slot - 1;
	struct gw_der rest = { p, (size_t)(c->entries_der.p +
					   c->entries_der.len - p) };

	return gw_der_whole(&rest, GW_DER_SEQUENCE, out_whole, out_body);
}

/* The slot that holds this serial, or the free one where it belongs. */
static uint32_t *
find(const struct gw_crl *c, struct gw_der serial)
{
	size_t i = hash(c, serial) & c->slot_mask;
	struct gw_der whole, s, n;

	for (; c->slots[i] != 0; i = (i + 1) & c->slot_mask)
		if (entry_at(c, c->slots[i], &whole, &s) &&
		    gw_der_expect(&s, GW_DER_INTEGER, &n) &&
		    gw_der_equals(n, serial.p, serial.len))
			break;
	return &c->slots[i];
}

bool
gw_crl_entry_find(const struct gw_crl *c, struct gw_der serial,
		  struct gw_der *out_whole)
{
	uint32_t slot = *find(c, serial);
	struct gw_der body;

	if (slot == 0)
		return false;
	/* fail closed: listed, though the entry cannot be read. */
	if (!entry_at(c, slot, out_whole, &body))
		*out_whole = (struct gw_der){ NULL, 0 };
	return true;
}

/* ---- what each must be */

/* Look-ups compare octets: one number must have one form. */
static bool
is_shortest(struct gw_der i)
{
	return i.len == 1 || (i.len > 1 &&
			      !(i.p[0] == 0x00 && (i.p[1] & 0x80) == 0) &&
			      !(i.p[0] == 0xff && (i.p[1] & 0x80) != 0));
}

/* NULL: we know all that is critical in it. */
static const char *
extension_fault(struct gw_der s)
{
	static const uint8_t reason[] = { 0x55, 0x1d, 0x15 },
			     invalidity[] = { 0x55, 0x1d, 0x18 },
			     issuer[] = { 0x55, 0x1d, 0x1d };
	struct gw_der oid, t;
	bool is_critical = false;

	if (!gw_der_expect(&s, GW_DER_OID, &oid))
		return BROKEN_ENTRY;
	if (gw_der_expect(&s, GW_DER_BOOLEAN, &t))
		is_critical = t.len != 1 || t.p[0] != 0;
	if (!gw_der_only(s, GW_DER_OCTETS, &t))
		return BROKEN_ENTRY;
	if (gw_der_equals(oid, issuer, sizeof(issuer)))
		return "an entry of another issuer: indirect lists are not "
		       "supported";
	return is_critical && !gw_der_equals(oid, reason, sizeof(reason)) &&
			       !gw_der_equals(oid, invalidity,
					      sizeof(invalidity))
		       ? "unknown critical extension of an entry" : NULL;
}

/* What any entry has that is critical and unknown forbids use of the whole
 * list (RFC 5280, 5.3). `s`: what follows the serial number. */
static const char *
rest_fault(struct gw_der s)
{
	struct gw_der t, ext;
	const char *why = NULL;

	if (!gw_der_expect(&s, GW_DER_UTC_TIME, &t) &&
	    !gw_der_expect(&s, GW_DER_GENERALIZED_TIME, &t))
		return BROKEN_ENTRY;
	if (s.len == 0)
		return NULL;
	if (!gw_der_only(s, GW_DER_SEQUENCE, &t))
		return BROKEN_ENTRY;
	while (t.len > 0 && why == NULL)
		why = gw_der_expect(&t, GW_DER_SEQUENCE, &ext)
			      ? extension_fault(ext) : BROKEN_ENTRY;
	return why;
}

/* Takes the next off the list; NULL: `serial` is its number. */
static const char *
take_entry(struct gw_der *list, struct gw_der *serial)
{
	struct gw_der s;

	if (!gw_der_expect(list, GW_DER_SEQUENCE, &s) ||
	    !gw_der_expect(&s, GW_DER_INTEGER, serial) ||
	    !is_shortest(*serial) || serial->len > SERIAL_LEN)
		return BROKEN_ENTRY;
	return rest_fault(s);
}

static void
make_table(struct gw_crl *c, size_t entries)
{
	size_t slots = 16;

	while (slots < 2 * entries)
		slots *= 2;
	c->slots = gw_xcalloc(slots, sizeof(*c->slots));
	c->slot_mask = slots - 1;
	c->entries = entries;
	gw_random(&c->seed, sizeof(c->seed));
}

enum gw_err
gw_crl_entries_index(struct gw_crl *c, struct gw_error *err)
{
	struct gw_der s = c->entries_der, serial;
	size_t n;

	if (!gw_der_count(s, &n) || n > GW_CRL_ENTRIES_MAX)
		return gw_crl_malformed(err, "entries are broken or too many");
	make_table(c, n);
	while (s.len > 0) {
		const uint8_t *start = s.p;
		const char *why = take_entry(&s, &serial);
		uint32_t *slot;

		if (why != NULL)
			return gw_crl_malformed(err, why);
		slot = find(c, serial);
		/* two dates or reasons: it is not clear what has been said */
		if (*slot != 0)
			return gw_crl_malformed(err, "a serial number is "
						     "listed twice");
		*slot = (uint32_t)(start - c->der) + 1;
	}
	return GW_ERR_OK;
}

size_t
gw_crl_entries(const struct gw_crl *c)
{
	return c->entries;
}

size_t
gw_crl_memory(const struct gw_crl *c)
{
	return sizeof(*c) + (c->slot_mask + 1) * sizeof(*c->slots);
}
