"""Answers of event 22: `QueryResults` and `QueryStatus`."""

from __future__ import annotations

import re

from logsentry.sdk import Value
from logsentry_sysmon.network import as_ip

# IANA, "Resource Record (RR) TYPEs"
_TYPES = {
    "1": "A", "2": "NS", "5": "CNAME", "6": "SOA", "10": "NULL", "12": "PTR", "13": "HINFO", "15": "MX", "16": "TXT", "17": "RP",
    "24": "SIG", "25": "KEY", "28": "AAAA", "29": "LOC", "33": "SRV", "35": "NAPTR", "36": "KX", "37": "CERT", "39": "DNAME",
    "41": "OPT", "43": "DS", "44": "SSHFP", "46": "RRSIG", "47": "NSEC", "48": "DNSKEY", "49": "DHCID", "50": "NSEC3", "52": "TLSA",
    "64": "SVCB", "65": "HTTPS", "99": "SPF", "249": "TKEY", "250": "TSIG", "251": "IXFR", "252": "AXFR", "255": "ANY", "257": "CAA",
}  # fmt: skip
# Microsoft, "System Error Codes" and winerror.h: those that DnsQuery answers with
_STATUS = {
    "0": "SUCCESS", "5": "ERROR_ACCESS_DENIED", "8": "ERROR_NOT_ENOUGH_MEMORY", "13": "ERROR_INVALID_DATA",
    "87": "ERROR_INVALID_PARAMETER", "123": "ERROR_INVALID_NAME", "1214": "ERROR_INVALID_NETNAME", "1223": "ERROR_CANCELLED",
    "1460": "ERROR_TIMEOUT", "9001": "DNS_ERROR_RCODE_FORMAT_ERROR", "9002": "DNS_ERROR_RCODE_SERVER_FAILURE",
    "9003": "DNS_ERROR_RCODE_NAME_ERROR", "9004": "DNS_ERROR_RCODE_NOT_IMPLEMENTED", "9005": "DNS_ERROR_RCODE_REFUSED",
    "9006": "DNS_ERROR_RCODE_YXDOMAIN", "9007": "DNS_ERROR_RCODE_YXRRSET", "9008": "DNS_ERROR_RCODE_NXRRSET",
    "9009": "DNS_ERROR_RCODE_NOTAUTH", "9010": "DNS_ERROR_RCODE_NOTZONE", "9016": "DNS_ERROR_RCODE_BADSIG",
    "9017": "DNS_ERROR_RCODE_BADKEY", "9018": "DNS_ERROR_RCODE_BADTIME", "9501": "DNS_INFO_NO_RECORDS",
    "9502": "DNS_ERROR_BAD_PACKET", "9503": "DNS_ERROR_NO_PACKET", "9504": "DNS_ERROR_RCODE", "9505": "DNS_ERROR_UNSECURE_PACKET",
    "9506": "DNS_REQUEST_PENDING", "9551": "DNS_ERROR_INVALID_TYPE", "9552": "DNS_ERROR_INVALID_IP_ADDRESS",
    "9560": "DNS_ERROR_INVALID_NAME_CHAR", "9561": "DNS_ERROR_NUMERIC_NAME", "9701": "DNS_ERROR_RECORD_DOES_NOT_EXIST",
    "9702": "DNS_ERROR_RECORD_FORMAT", "9703": "DNS_ERROR_NODE_CREATION_FAILED", "9704": "DNS_ERROR_UNKNOWN_RECORD_TYPE",
    "10054": "WSAECONNRESET", "10055": "WSAENOBUFS", "10060": "WSAETIMEDOUT", "11001": "WSAHOST_NOT_FOUND", "11004": "WSANO_DATA",
}  # fmt: skip
_TYPED = re.compile(r"type:\s*([0-9]{1,5})\s*(.*)", re.DOTALL)


def status(code: str) -> str:
    """The name of a status, or the code itself where it is none of those known here."""
    return _STATUS.get(code, code)


def answer_fields(results: str) -> dict[str, Value]:
    """`dns.answers.*`, `dns.resolved_ip`, `related.hosts` and `related.ip`; IPv4 inside IPv6 is written as IPv4.

    >>> answer_fields("type:  5 f2.example.net;::ffff:151.101.66.2;")["dns.resolved_ip"]
    ['151.101.66.2']
    """
    types: list[str] = []
    answers: list[str] = []
    names: list[str] = []
    ips: list[str] = []
    for part in filter(None, map(str.strip, results.split(";"))):
        if (typed := _TYPED.fullmatch(part)) is not None:
            types.append(_TYPES.get(typed[1], "TYPE" + typed[1]))  # RFC 3597, section 5
            names += [typed[2]] if typed[2] else []
            answers += [typed[2]] if typed[2] else []
        elif (ip := as_ip(part)) is not None:
            types.append("AAAA" if ":" in ip else "A")
            ips.append(ip)
            answers.append(ip)
        else:
            answers.append(part)
    found: dict[str, Value] = {
        "dns.answers.type": types, "dns.answers.data": answers, "dns.resolved_ip": ips,
        "related.hosts": names, "related.ip": [*dict.fromkeys(ips)],
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}
