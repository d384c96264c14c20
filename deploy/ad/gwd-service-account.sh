#!/bin/bash
# gwd-service-account.sh — makes, repairs or checks the service account gwd
# needs, in a domain whose controllers are Samba. The same for Windows:
# gwd-service-account.ps1.
#
#   gwd-service-account.sh [-a ACCOUNT] [-s SPN] [-k KEYTAB] [-H URL]
#                          [-- SAMBA-TOOL-OPTIONS]
#   gwd-service-account.sh -n ...      checks only, changes nothing
#
# Run it as root on a domain controller, again whenever a domain controller
# was added: what is right already stays as it is. A new password is set only
# when the key types had to be changed; then a new keytab is needed.
# -H names another database (ldap://dc1); what follows -- goes to samba-tool,
# for example -U Administrator.
#
#   -a ACCOUNT   sAMAccountName, "svc-gwd"
#   -s SPN       any service name of its own, "gwd/ACCOUNT"; S4U2Self is only
#                granted to accounts that have one
#   -k KEYTAB    where to write the keytab, when this run made the account or
#                the file is not there; not with -H
#
# Exit status: 0 the account is right, 1 something is missing (-n), 2 failed.
# shellcheck disable=SC2317  # functions are called by name, through ensure
set -euo pipefail

account=svc-gwd spn='' keytab='' url='' check_only=false
options=()
missing=0

usage() { sed -n '2,/^# Exit status/s/^# \{0,1\}//p' "$0"; }
die() { echo "gwd-service-account: $*" >&2; exit 2; }

while getopts a:s:k:H:nh opt; do
	case $opt in
	a) account=$OPTARG ;;
	s) spn=$OPTARG ;;
	k) keytab=$OPTARG ;;
	H) url=$OPTARG ;;
	n) check_only=true ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
options=("$@")
[ -z "$url" ] || options+=(-H "$url")
[ -n "$spn" ] || spn=gwd/$account
[[ $account =~ ^[A-Za-z0-9._-]{1,20}$ ]] ||
	die "ACCOUNT must be 1 to 20 letters, digits or ._-"
command -v samba-tool >/dev/null || die "there is no samba-tool here"

# samba-tool takes the options behind its subcommand.
tool() { # WORD WORD ARGUMENTS...
	local words=("$1" "$2")
	shift 2
	samba-tool "${words[@]}" "$@" "${options[@]}"
}

# True when `right` is; else repairs by the command, or only says so.
ensure() { # WHAT IS-RIGHT COMMAND...
	local what=$1 is_right=$2
	shift 2
	if "$is_right"; then
		echo "ok       $what"
	elif $check_only; then
		echo "MISSING  $what"
		missing=1
	else
		"$@" >/dev/null || die "$what: failed"
		"$is_right" || die "$what: done, but not there"
		echo "done     $what"
	fi
}

# ---- what the directory says now

shown() { # ATTRIBUTES: "name: value" lines of the account
	tool user show "$account" --attributes="$1" 2>/dev/null |
		sed 's/^\([^:]*\): */\1: /'
}

has_value() { # ATTRIBUTE VALUE
	shown "$1" | grep -qiFx -- "$1: $2"
}

uac() { shown userAccountControl | sed -n 's/^userAccountControl: //p'; }

exists() { shown sAMAccountName | grep -qi "^sAMAccountName: "; }
has_spn() { has_value servicePrincipalName "$spn"; }
only_aes() { has_value msDS-SupportedEncryptionTypes 24; }
any_protocol() { (($(uac) & 0x1000000)); }
stays_valid() { (($(uac) & 0x10000)); }
may_be_used() { ! (($(uac) & 0x100002)); } # neither disabled nor sensitive
is_delegated() { has_value msDS-AllowedToDelegateTo "ldap/$dc"; }

domain_controllers() {
	tool computer list 2>/dev/null | while read -r name; do
		samba-tool computer show "$name" "${options[@]}" \
			--attributes=userAccountControl,dNSHostName 2>/dev/null |
			awk -F': *' '
			$1 == "userAccountControl" { uac = $2 }
			$1 == "dNSHostName" { host = $2 }
			END { # SERVER_TRUST_ACCOUNT, PARTIAL_SECRETS: RODC
				if (int(uac / 8192) % 2 ||
				    int(uac / 67108864) % 2) print host }'
	done
}

# ---- how it becomes right

create() {
	tool user create "$account" --random-password \
		--description="gwd: authentication gateway"
	was_made=true
}

# samba-tool has no command for these: an editor that edits by rule.
edit() { # SED-EXPRESSION
	local script
	script=$(mktemp)
	# shellcheck disable=SC2016  # $1 is the editor's argument
	printf '#!/bin/bash\nexec sed -i %q "$1"\n' "$1" >"$script"
	chmod 700 "$script"
	tool user edit "$account" --editor="$script" || {
		rm -f "$script"
		return 1
	}
	rm -f "$script"
}

# Keys are made when the password is set, by the types allowed then: so the
# password comes after the types. Nobody has to know it.
set_aes() {
	edit '/^msDS-SupportedEncryptionTypes:/d
		0,/^objectClass:/s//msDS-SupportedEncryptionTypes: 24\n&/' &&
	tool user setpassword "$account" \
		--newpassword="$(head -c 30 /dev/urandom | base64)Aa1!" &&
	was_made=true
}

usable() {
	tool user enable "$account" && tool user sensitive "$account" off
}

# Samba writes the RC4 key, too, which nothing may use: MIT's ktutil, where it
# is installed, leaves it out.
export_keytab() {
	local all=$keytab.all slot=''
	umask 077
	rm -f "$all" "$keytab"
	tool domain exportkeytab "$all" --principal="$account" >/dev/null ||
		return 1
	if ! command -v ktutil >/dev/null; then
		mv "$all" "$keytab"
		return
	fi
	slot=$(printf 'rkt %s\nlist -e\n' "$all" | ktutil |
		awk '/arcfour/ { print $1; exit }')
	printf 'rkt %s\n%s\nwkt %s\n' "$all" "${slot:+delent $slot}" \
		"$keytab" | ktutil >/dev/null
	rm -f "$all"
	[ -s "$keytab" ]
}

# After a new password the old file is worth nothing.
write_keytab() {
	if ! $was_made && [ -s "$keytab" ]; then
		echo "ok       keytab $keytab"
	else
		export_keytab || die "keytab: failed"
		echo "done     keytab $keytab"
	fi
}

# ---- all of it

was_made=false
ensure "account $account" exists create
exists || exit 1
ensure "may be used (enabled, not sensitive)" may_be_used usable
ensure "password does not expire" stays_valid \
	tool user setexpiry "$account" --noexpiry
ensure "SPN $spn" has_spn tool spn add "$spn" "$account"
ensure "AES only" only_aes set_aes
ensure "any authentication protocol" any_protocol \
	tool delegation for-any-protocol "$account" on
dcs=$(domain_controllers)
[ -n "$dcs" ] || die "found no domain controllers"
for dc in $dcs; do
	ensure "delegation to ldap/$dc" is_delegated \
		tool delegation add-service "$account" "ldap/$dc"
done
if [ -n "$keytab" ] && [ -z "$url" ] && ! $check_only; then
	write_keytab
fi
exit $missing
