# gwd-service-account.ps1 -- makes, repairs or checks the service account gwd
# needs in Active Directory. The same for Samba: gwd-service-account.sh.
#
# NOT RUN ON WINDOWS BY US: written from Microsoft's documentation of the
# cmdlets and of ktpass. Read it, and try it with -Check first.
#
#   .\gwd-service-account.ps1 -Check
#   .\gwd-service-account.ps1 -Keytab C:\secure\svc-gwd.keytab
#
# What the account needs, and why:
#   an SPN of its own           S4U2Self is only granted to such accounts
#   any authentication protocol protocol transition: the card is judged by gwd
#   ldap/ of EVERY controller   S4U2Proxy is refused for a controller that is
#                               not listed; run this again after adding one
#   AES only                    RC4 is being switched off
#   Windows Authorization       reading tokenGroups of the users
#     Access Group
# It needs no other right. Run as a domain administrator (to write
# msDS-AllowedToDelegateTo one needs SeEnableDelegationPrivilege) on a machine
# with the ActiveDirectory module; ktpass comes with the AD DS tools.
#
# Exit status: 0 the account is right, 1 something is missing (-Check),
# 2 failed.
[CmdletBinding()]
param(
	[ValidatePattern('^[A-Za-z0-9._-]{1,20}$')]
	[string] $Account = 'svc-gwd',
	# Any service name nobody else has.
	[string] $Spn = "gwd/$Account",
	# Container of a new account; the domain's default when not given.
	[string] $Path,
	# Where to write the keytab. Setting it gives the account a new password:
	# all older keytabs are worth nothing afterwards.
	[string] $Keytab,
	# Changes nothing.
	[switch] $Check
)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
trap { Write-Error $_ -ErrorAction Continue; exit 2 }
Import-Module ActiveDirectory

$script:Missing = 0
$Domain = Get-ADDomain
$Realm = $Domain.DNSRoot.ToUpperInvariant()
# One controller for all we write: the others follow by replication.
$Writer = $Domain.PDCEmulator
$AesOnly = 24     # msDS-SupportedEncryptionTypes: AES128 8, AES256 16
$AuthorizationAccess = 'S-1-5-32-560'

# ---- what the directory says now

function Get-Service([string] $Server = $Writer) {
	Get-ADUser -Filter "sAMAccountName -eq '$Account'" -Server $Server `
		-Properties servicePrincipalName, msDS-AllowedToDelegateTo,
			msDS-SupportedEncryptionTypes, TrustedToAuthForDelegation,
			AccountNotDelegated, PasswordNeverExpires, Enabled
}

function Test-Group {
	$members = Get-ADGroupMember -Identity $AuthorizationAccess -Server $Writer
	[bool]($members | Where-Object { $_.SamAccountName -eq $Account })
}

# ---- repair, or only say so

function Confirm-Right([string] $What, [scriptblock] $IsRight,
		[scriptblock] $Repair) {
	if (& $IsRight) {
		Write-Output "ok       $What"
	} elseif ($Check) {
		Write-Output "MISSING  $What"
		$script:Missing = 1
	} else {
		& $Repair
		if (-not (& $IsRight)) { throw "${What}: done, but not there" }
		Write-Output "done     $What"
	}
}

function New-Password {
	$bytes = New-Object byte[] 48
	$random = [Security.Cryptography.RandomNumberGenerator]::Create()
	$random.GetBytes($bytes)
	$random.Dispose()
	[Convert]::ToBase64String($bytes) + 'Aa1!'
}

function New-Service {
	$new = @{
		Name = $Account
		SamAccountName = $Account
		UserPrincipalName = "$Account@$($Domain.DNSRoot)"
		Description = 'gwd: authentication gateway'
		AccountPassword = ConvertTo-SecureString (New-Password) `
			-AsPlainText -Force
		PasswordNeverExpires = $true
		KerberosEncryptionType = 'AES128', 'AES256'
		Enabled = $true
		Server = $Writer
	}
	if ($Path) { $new.Path = $Path }
	New-ADUser @new
}

Confirm-Right "account $Account" { [bool](Get-Service) } { New-Service }
if (-not (Get-Service)) { exit 1 }

Confirm-Right 'enabled, not sensitive, password does not expire' {
	$a = Get-Service
	$a.Enabled -and -not $a.AccountNotDelegated -and $a.PasswordNeverExpires
} {
	Set-ADUser $Account -Server $Writer -Enabled $true `
		-PasswordNeverExpires $true
	Set-ADAccountControl $Account -Server $Writer `
		-AccountNotDelegated $false
}

function Confirm-Spn {
	Confirm-Right "SPN $Spn" {
		(Get-Service).servicePrincipalName -contains $Spn
	} {
		# an SPN two accounts have makes both useless
		$other = Get-ADObject -Server $Writer `
			-Filter "servicePrincipalName -eq '$Spn'"
		if ($other) {
			throw "SPN $Spn belongs to $($other.DistinguishedName)"
		}
		Set-ADUser $Account -Server $Writer `
			-ServicePrincipalNames @{ Add = $Spn }
	}
}
Confirm-Spn

Confirm-Right 'AES only' {
	(Get-Service).'msDS-SupportedEncryptionTypes' -eq $AesOnly
} {
	Set-ADUser $Account -Server $Writer `
		-KerberosEncryptionType AES128, AES256
	Write-Warning ('Keys are made when a password is set: write a new ' +
		'keytab now (-Keytab).')
}

Confirm-Right 'any authentication protocol' {
	(Get-Service).TrustedToAuthForDelegation
} {
	Set-ADAccountControl $Account -Server $Writer `
		-TrustedToAuthForDelegation $true
}

Confirm-Right 'member of Windows Authorization Access Group' { Test-Group } {
	Add-ADGroupMember -Identity $AuthorizationAccess -Members $Account `
		-Server $Writer
}

# ---- every domain controller there is

$Controllers = @(Get-ADDomainController -Filter * -Server $Writer)
foreach ($dc in $Controllers) {
	$target = "ldap/$($dc.HostName)"
	Confirm-Right "delegation to $target" {
		(Get-Service).'msDS-AllowedToDelegateTo' -contains $target
	} {
		Set-ADUser $Account -Server $Writer `
			-Add @{ 'msDS-AllowedToDelegateTo' = $target }
	}
}

# Each must know it, too: a login may begin at any of them.
foreach ($dc in $Controllers) {
	$seen = $null
	try { $seen = Get-Service $dc.HostName } catch { }
	$list = if ($seen) { @($seen.'msDS-AllowedToDelegateTo') } else { @() }
	$lacks = @($Controllers | Where-Object {
		$list -notcontains "ldap/$($_.HostName)" })
	if ($lacks.Count -eq 0) {
		Write-Output "ok       $($dc.HostName) knows all of it"
	} elseif ($seen) {
		Write-Warning "$($dc.HostName) has not replicated it yet"
	} else {
		Write-Warning "$($dc.HostName) cannot be asked"
	}
}

# ---- keytab

# The principal is the account's own name. ktpass sets the password and so
# makes the keys; -setupn leaves the UPN alone.
if ($Keytab -and -not $Check) {
	& ktpass -out $Keytab -princ "$Account@$Realm" `
		-mapuser "$($Domain.NetBIOSName)\$Account" -setupn `
		-crypto AES256-SHA1 -ptype KRB5_NT_PRINCIPAL `
		-pass (New-Password) -target $Writer
	if ($LASTEXITCODE -ne 0) { throw 'ktpass failed' }
	Confirm-Spn # mapping a principal writes to the same attribute
	# nobody but the one who made it
	& icacls $Keytab /inheritance:r /grant:r "${env:USERNAME}:F" | Out-Null
	Write-Output "done     keytab $Keytab; carry it to the gateway and delete it here"
}
exit $script:Missing
