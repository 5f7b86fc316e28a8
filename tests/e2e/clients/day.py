#!/usr/bin/env python3
"""One day of a client, in Python's standard library alone: day.py MP NAME SITE CERTIFICATE.pem FOLDER

Registers, asks for policy, downloads each body as BITS does (HEAD, then ranges), asks where the content is, lists it
with PROPFIND, downloads it to FOLDER, checks its hash and reports 10002, 10005 and 10009 for each advertisement. Signs
nothing: an MP that is not strict takes that. Exits with a message when anything is not as it should be.
"""
import base64
import hashlib
import http.client
import os
import re
import sys
import urllib.parse
import uuid
import xml.etree.ElementTree as ET
import zlib
from datetime import datetime, timezone

RANGE = 1000  # bytes: small, so that there are several


def fail(why):
    sys.exit("day.py: " + why)


def send(url, method="GET", headers=None, body=None):
    at = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname, at.port or 80, timeout=30)
    connection.request(method, at.path + ("?" + at.query if at.query else ""), body, headers or {})
    reply = connection.getresponse()
    data = reply.read()
    connection.close()
    return reply, data


def expect(url, status, *rest):
    reply, data = send(url, *rest)
    if reply.status != status:
        fail(f"{url}: {reply.status}, not {status}")
    return reply, data


def xml_text(data):
    return data.decode("utf-16-le").lstrip("\ufeff").rstrip("\0")


def local(element):
    return element.tag.rpartition("}")[2]


class Client:
    def __init__(self, mp, name, site):
        self.mp, self.name, self.site, self.smsid = mp.rstrip("/"), name, site, ""

    def ccm(self, endpoint, document, mode="Sync"):
        payload = zlib.compress((document + "\0").encode("utf-16-le") + b"\r\n")
        source = f"<SourceID>{self.smsid}</SourceID>" if self.smsid else ""
        header = (
            '<Msg ReplyCompression="zlib" SchemaVersion="1.1">'
            f'<Body Type="ByteRange" Length="{2 * len(document) + 2}" Offset="0" />'
            '<CorrelationID>{00000000-0000-0000-0000-000000000000}</CorrelationID>'
            '<Hooks><Hook3 Name="zlib-compress" /></Hooks>'
            f"<ID>{{{str(uuid.uuid4()).upper()}}}</ID><Payload Type=\"inline\" />"
            f"<ReplyMode>{mode}</ReplyMode><ReplyTo>direct:day.py:Replies</ReplyTo>{source}"
            f"<SourceHost>{self.name}</SourceHost><TargetAddress>mp:{endpoint}</TargetAddress>"
            f"<TargetEndpoint>{endpoint}</TargetEndpoint></Msg>"
        )
        boundary = "day-" + uuid.uuid4().hex
        body = b"".join([
            f"--{boundary}\r\ncontent-type: text/plain; charset=UTF-16\r\n\r\n".encode(),
            b"\xff\xfe", header.encode("utf-16-le"),
            f"\r\n--{boundary}\r\ncontent-type: application/octet-stream\r\n\r\n".encode(),
            payload, f"\r\n--{boundary}--\r\n".encode(),
        ])
        reply, data = expect(self.mp + "/ccm_system/request", 200, "CCM_POST",
                             {"Content-Type": f'multipart/mixed; boundary="{boundary}"'}, body)
        if not data:
            return ""
        mark = re.search(r'boundary="?([^";]+)', reply.headers["Content-Type"]).group(1).encode()
        part = data.split(b"--" + mark)[2]
        return xml_text(zlib.decompress(part[part.index(b"\r\n\r\n") + 4:-2]))

    def register(self, pem):
        der = base64.b64decode("".join(re.search(r"-----BEGIN CERTIFICATE-----(.*?)-----END", pem, re.S)[1].split()))
        certificate = '<{0} Encoding="HexBinary" KeyType="1">' + der.hex().upper() + "</{0}>"
        text = self.ccm("MP_ClientRegistration", (
            '<ClientRegistrationRequest><Data SMSID="" RequestType="Registration" TimeStamp="'
            + datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") + '"><AgentInformation AgentIdentity="day.py" '
            'AgentVersion="2.50.4253.3000" AgentType="0" /><Certificates>' + certificate.format("Encryption")
            + certificate.format("Signing") + '</Certificates><DiscoveryProperties><Property Name="Netbios Name" '
            f'Value="{self.name}" /></DiscoveryProperties></Data><Signature><SignatureValue /></Signature>'
            "</ClientRegistrationRequest>"))
        response = ET.fromstring(text)
        if response.get("Status") != "0":
            fail("not registered: " + text)
        self.smsid = response.get("SMSID")

    def policies(self, cookie=""):
        text = self.ccm("MP_PolicyManager", (
            '<RequestAssignments SchemaVersion="1.00" ACK="false" RequestType="Always"><Identification><Machine>'
            f"<ClientID>{self.smsid}</ClientID><NetBIOSName>{self.name}</NetBIOSName></Machine><User />"
            f"</Identification><PolicySource>SMS:{self.site}</PolicySource><Resource ResourceType=\"Machine\" />"
            f"<ServerCookie>{cookie}</ServerCookie></RequestAssignments>"))
        if not text:
            return None, cookie
        reply = ET.fromstring(text)
        return reply.findall("PolicyAssignment/Policy"), reply.findtext("ServerCookie")

    def policy_body(self, policy):
        location = policy[0]  # the first child, always
        url = location.text.strip().replace("<mp>", urllib.parse.urlsplit(self.mp).netloc)
        url = url.replace("{", "%7B").replace("}", "%7D")
        head, _ = expect(url, 200, "HEAD")
        size, data = int(head.headers["Content-Length"]), b""
        while len(data) < size:
            last = min(len(data) + RANGE, size) - 1
            reply, part = expect(url, 206, "GET", {"Range": f"bytes={len(data)}-{last}", "If-Range": head.headers["ETag"]})
            if reply.headers["Content-Range"] != f"bytes {len(data)}-{last}/{size}":
                fail("another range: " + reply.headers["Content-Range"])
            data += part
        if hashlib.md5(data).hexdigest().upper() != location.get("PolicyHash"):
            fail("the body of " + policy.get("PolicyID") + " does not match its hash")
        instances = {}
        for instance in ET.fromstring(xml_text(data)).iter("instance"):
            instances[instance.get("class")] = {
                p.get("name"): (p.findtext("value") or "").strip() for p in instance.findall("property")}
        return instances

    def locate(self, package, version):
        text = self.ccm("MP_LocationManager", (
            f'<ContentLocationRequest SchemaVersion="1.00"><Package ID="{package}" Version="{version}"/><AssignedSite '
            f'SiteCode="{self.site}"/><ClientLocationInfo LocationType="SMSPackage" AllowHTTP="1"><ADSite Name="Default-'
            'First-Site-Name"/><IPAddresses><IPAddress SubnetAddress="127.0.0.0" Address="127.0.0.1"/></IPAddresses>'
            "</ClientLocationInfo></ContentLocationRequest>"))
        return [url.get("Name") for url in ET.fromstring(text).iter("URL")]

    def status(self, kind, properties):
        now = datetime.now(timezone.utc).strftime("%Y%m%d%H%M%S.%f") + "+000"
        common = {"MachineName": self.name, "SiteCode": self.site, "ClientID": self.smsid, "DateTime": now,
                  "ProcessId": str(os.getpid()), "ThreadId": "1"}
        document = ET.Element("Status", SchemaVersion="1.00", CodePage="437", LocaleID="1033")
        listed = ET.SubElement(document, "Properties")
        for name, value in {**properties, **common}.items():
            ET.SubElement(listed, "Property", Name=name).text = value
        ET.SubElement(document, "Qualifiers")
        ET.SubElement(document, "Type").text = kind
        self.ccm("StatusReceiver", ET.tostring(document, encoding="unicode"), "Async")


def download(root, folder):
    """The whole tree below `root`; relative paths of files and of folders, with backslashes."""
    _, data = expect(root, 207, "PROPFIND", {"Depth": "infinity", "Translate": "f", "Content-Length": "0"})
    base, files, folders = urllib.parse.unquote(urllib.parse.urlsplit(root).path), {}, []
    for response in ET.fromstring(data):
        values = {local(element): element.text for element in response.iter()}
        path = urllib.parse.unquote(urllib.parse.urlsplit(values["href"]).path)
        relative = path[len(base):].strip("/")
        if not relative:
            continue
        if values["iscollection"] == "1":
            folders.append(relative.replace("/", "\\"))
            continue
        _, content = expect(values["href"], 200)
        if len(content) != int(values["getcontentlength"]):
            fail(path + " has another length than its listing says")
        target = os.path.join(folder, relative)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as out:
            out.write(content)
        files[relative.replace("/", "\\")] = content
    return files, folders


def tree_hash(files, folders, algorithm="sha1"):
    """Of a package: names in lower case, digests in upper case, depth first, as UTF-16."""
    parent = lambda path: path.rpartition("\\")[0]
    all_folders, out = set(folders), []
    for path in files:
        parts = path.split("\\")[:-1]
        all_folders.update("\\".join(parts[:n]) for n in range(1, len(parts) + 1))

    def walk(folder):
        inner = sorted((f for f in all_folders if parent(f) == folder), key=str.upper)
        here = sorted((f for f in files if parent(f) == folder), key=str.upper)
        out.extend(path.lower() for path in inner + here)
        out.extend(hashlib.new(algorithm, files[path]).hexdigest().upper() for path in here)
        for each in inner:
            walk(each)

    walk("")
    return hashlib.new(algorithm, "".join(out).encode("utf-16-le")).hexdigest().upper()


def main(mp, name, site, certificate, folder):
    _, mp_list = expect(f"{mp}/SMS_MP/.sms_aut?MPLIST1&{site}", 200)
    if ET.fromstring(mp_list).find("MP") is None:
        fail("the MP knows no site " + site)
    client = Client(mp, name, site)
    with open(certificate, encoding="ascii") as pem:
        client.register(pem.read())
    policies, cookie = client.policies()
    for policy in policies:
        instances = client.policy_body(policy)
        software = instances.get("CCM_SoftwareDistribution")
        if software is None:
            continue
        advert = {"AdvertisementId": software["ADV_AdvertisementID"], "PackageName": software["PKG_PackageID"],
                  "ProgramName": software["PRG_ProgramID"]}
        client.status("SoftDistProgramOfferReceivedEvent", advert)
        locations = client.locate(software["PKG_PackageID"], software["PKG_SourceVersion"])
        if not locations:
            fail("no location for " + software["PKG_PackageID"])
        files, folders = download(locations[0], folder)
        if tree_hash(files, folders) != software["PKG_SourceHash"]:
            fail("hash mismatch")
        client.status("SoftDistProgramStartedEvent", {
            **advert, "CommandLine": software["PRG_CommandLine"], "WorkingDirectory": folder,
            "UserContext": "NT AUTHORITY\\SYSTEM"})
        client.status("SoftDistProgramCompletedSuccessfulMIFEvent", {**advert, "Description": "done by day.py"})
        print(advert["AdvertisementId"], len(files), "files")
    if client.policies(cookie)[0] is not None:
        fail("policy came again although nothing changed")


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
