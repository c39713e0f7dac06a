#!/usr/bin/env python3
"""Healthy runs of package managers: apt and dpkg in a Debian 12 (a copy of SYSTEM, with a repository of own packages over
loopback), rpm, pacman, pip, npm, gem. Each row is one planned case.
Needs: dpkg-dev, rpm, createrepo-c, pacman-package-manager, libarchive-tools, python3-pip,
nodejs, ruby. Run by namespace.sh as root with SYSTEM and perhaps a regular expression that picks cases."""

import subprocess
import sys

import well
from well import Background, terminal

R = "/mnt/root"
IN = f"chroot {R} env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin "


def package(name, version, depends="", conffile="old", script=""):
    d = f"/srv/pkg/{name}"
    return f"""rm -rf {d}; mkdir -p {d}/DEBIAN {d}/etc/{name} {d}/usr/lib/{name}; printf 'Package: {name}\\nVersion: {version}\\nArchitecture: all\\nMaintainer: Acme <dev@acme.example>\\nSection: misc\\nPriority: optional\\n{f"Depends: {depends}" + chr(92) + "n" if depends else ""}Description: {name} of the gateway\\n' >{d}/DEBIAN/control
echo 'mode={conffile}' >{d}/etc/{name}/{name}.conf; echo /etc/{name}/{name}.conf >{d}/DEBIAN/conffiles; head -c 60000 /dev/urandom >{d}/usr/lib/{name}/data
printf '#!/bin/sh\\nset -e\\necho "{name}: migrating settings"\\n{script}\\nexit 0\\n' >{d}/DEBIAN/postinst; chmod 755 {d}/DEBIAN/postinst
mkdir -p /srv/repo; dpkg-deb --root-owner-group -b {d} /srv/repo/{name}_{version}_all.deb >/dev/null
"""


def fresh(system):
    """A new writable view of the system with the repository as its only source."""
    subprocess.run(f"""set -e; umount -l {R} 2>/dev/null || true; umount -l /srv/ov 2>/dev/null || true; mkdir -p {R} /srv/ov; mount -t tmpfs tmpfs /srv/ov; mkdir /srv/ov/u /srv/ov/w
mount -t overlay -o lowerdir={system},upperdir=/srv/ov/u,workdir=/srv/ov/w overlay {R}; mount -t proc proc {R}/proc; mount --bind /dev {R}/dev
rm -f {R}/etc/apt/sources.list {R}/etc/apt/sources.list.d/*; rm -rf {R}/var/lib/apt/lists/*; echo 'deb [trusted=yes] http://packages.acme.example/ ./' >{R}/etc/apt/sources.list
echo '127.0.0.1 localhost packages.acme.example gw-17' >{R}/etc/hosts; echo gw-17 >{R}/etc/hostname; printf '#!/bin/sh\\nexit 101\\n' >{R}/usr/sbin/policy-rc.d; chmod 755 {R}/usr/sbin/policy-rc.d
rm -rf /srv/repo; mkdir /srv/repo
""" + package("acme-lib", "1.4.0") + package("acme-gw", "2.4.0", "acme-lib (>= 1.0)") + package("acme-ui", "2.4.0", "acme-gw") + "cd /srv/repo && dpkg-scanpackages -m . >Packages 2>/dev/null && gzip -kf Packages\n", shell=True, check=True, executable="/bin/bash")


NEWER = package("acme-lib", "1.5.1", conffile="new") + package("acme-gw", "2.4.1", "acme-lib (>= 1.5)", conffile="new") + "cd /srv/repo; dpkg-scanpackages -m . >Packages 2>/dev/null; gzip -kf Packages; "
APT = IN + "apt-get -y "




def apt(system):
    open("/etc/hosts", "a").write("127.0.0.1 packages.acme.example\n")
    rows = [
        ("remove", "packages are removed, the rest is swept", "apt-get -y install acme-ui\napt-get -y remove acme-ui\napt-get -y autoremove\napt-get -y purge acme-gw", ""),
        ("conffile", "an upgrade keeps a changed configuration file", "apt-get update\napt-get -y -o Dpkg::Options::=--force-confold dist-upgrade", f"{APT} -qq update; {APT} -qq install acme-gw; echo mine >>{R}/etc/acme-gw/acme-gw.conf; {NEWER}"),
        ("simulated", "an upgrade is only simulated, then held", "apt-get update\napt list --upgradable\napt-get -s upgrade\napt-mark hold acme-lib\napt-get -y upgrade\napt-cache policy acme-gw acme-lib", f"{APT} -qq update; {APT} -qq install acme-gw; {NEWER}"),
        ("download-only", "packages are fetched today and installed later", "apt-get -y --download-only install acme-ui\napt-get -y --no-download install acme-ui\napt-get clean\napt-get check", f"{APT} -qq update"),
        ("downgrade", "an older version is put back by its number", "apt-get update\napt-get -y --allow-downgrades install acme-lib=1.4.0 acme-gw=2.4.0\napt-get -y reinstall acme-gw", f"{APT} -qq update; {NEWER} {APT} -qq update; {APT} -qq install acme-gw"),
    ]
    with Background("python3 -m http.server -d /srv/repo --bind 127.0.0.1 80"):
        for name, source, commands, setup in rows:
            fresh(system)
            if name in ("remove",):
                setup = f"{APT} -qq update"
            device("apt", "healthy", name, "apt", source, commands, setup)
        fresh(system)
        D = f"mkdir -p {R}/root/in; cp /srv/repo/*.deb {R}/root/in/"
        device("dpkg", "healthy-queries", "verify", "dpkg", "packages are looked at, installed, verified, purged", "dpkg -I /root/in/acme-lib_1.4.0_all.deb\ndpkg -c /root/in/acme-lib_1.4.0_all.deb\ndpkg -i -D1 /root/in/acme-lib_1.4.0_all.deb /root/in/acme-gw_2.4.0_all.deb\ndpkg --audit\ndpkg -V acme-gw\ndpkg -s acme-gw\ndpkg -L acme-gw\ndpkg -P acme-gw acme-lib\ntail -n 40 /var/log/dpkg.log", D)
        fresh(system)
        device("dpkg", "healthy-queries", "unpacked", "dpkg", "packages are unpacked in one step and configured in another", "dpkg --unpack /root/in/acme-ui_2.4.0_all.deb /root/in/acme-gw_2.4.0_all.deb /root/in/acme-lib_1.4.0_all.deb\ndpkg -C\ndpkg --configure -a\ndpkg-trigger --help\ndpkg -l 'acme-*'", D)
    subprocess.run(f"umount -l {R}; umount -l /srv/ov", shell=True)


def device(program, family, name, package_name, source, commands, setup):
    """As well.terminal, but each command runs in the system."""
    if not well.wanted(program, family, name):
        return
    text = b""
    r = subprocess.run("set -e\n" + setup, shell=True, executable="/bin/bash", capture_output=True)
    if r.returncode:
        return well.leave_out(f"{program}/{family}-{name}", f"setup: {r.stderr[-300:]!r}")
    for c in commands.splitlines():
        out, code = well.capture.run(["bash", "-c", IN + "sh -c \"$0\"", c], timeout=90)
        if code != 0:
            return well.leave_out(f"{program}/{family}-{name}", f"{c!r} ended with {code}: {out[-300:]!r}")
        text += well.capture.shell_transcript("root@HOST:~# ", c, out)
    well.keep(program, family, name, well.version(package_name), source, {"terminal.txt": text})


SPEC = "mkdir -p t; cat >gw.spec <<'X'\nName: acme-gw\nVersion: %{v}\nRelease: 1\nSummary: The gateway\nLicense: MIT\nBuildArch: noarch\n%description\nThe gateway.\n%install\nmkdir -p %{buildroot}/etc %{buildroot}/usr/lib/gw\necho 1 >%{buildroot}/etc/gw.conf\necho %{v} >%{buildroot}/usr/lib/gw/release\n%post -p /bin/true\n%files\n%config(noreplace) /etc/gw.conf\n/usr/lib/gw/release\nX\n"
B = "rpmbuild -bb --define '_topdir /data/w/t' --define 'v %s' gw.spec"


def others():
    terminal("rpm", "healthy", "build", "rpm", "a package is built and looked at", B % "2.4.0" + "\nrpm -qpil t/RPMS/noarch/acme-gw-2.4.0-1.noarch.rpm\nrpm -K --nosignature t/RPMS/noarch/acme-gw-2.4.0-1.noarch.rpm\ncreaterepo_c -v t/RPMS", SPEC)
    Q = "rpm --root /data/w/r --nodeps"
    terminal("rpm", "healthy", "upgrade", "rpm", "a package is installed, upgraded, verified, removed", f"{Q} -ivh --noscripts t/RPMS/noarch/acme-gw-2.4.0-1.noarch.rpm\n{Q} -Uvh --noscripts t/RPMS/noarch/acme-gw-2.4.1-1.noarch.rpm\n{Q} -Vv acme-gw\nrpm --root /data/w/r -qa\n{Q} -evh --noscripts acme-gw", SPEC + f"mkdir r; {B % '2.4.0'}; {B % '2.4.1'}; rpm --root /data/w/r --initdb\n")
    K = "mk() { mkdir -p p/usr/lib/gw; echo $1 >p/usr/lib/gw/release; printf 'pkgname = acme-gw\\npkgbase = acme-gw\\npkgver = %s-1\\npkgdesc = gateway\\narch = any\\nbuilddate = 1790000000\\nsize = 6\\n' $1 >p/.PKGINFO; (cd p; tar --zstd -cf ../acme-gw-$1-1-any.pkg.tar.zst .PKGINFO usr); }; mk 2.4.0; mk 2.4.1; mkdir -p r/var/lib/pacman r/var/cache; printf '[options]\\nArchitecture = auto\\nSigLevel = Never\\nLocalFileSigLevel = Never\\n' >p.conf\n"
    C = "pacman --config p.conf -r r --dbpath r/var/lib/pacman --cachedir r/var/cache --noconfirm --debug"
    terminal("pacman", "healthy", "upgrade", "pacman-package-manager", "a package is installed, upgraded, checked, removed", f"{C} -U acme-gw-2.4.0-1-any.pkg.tar.zst\n{C} -U acme-gw-2.4.1-1-any.pkg.tar.zst\n{C.replace(' --debug', '')} -Qkk\n{C} -R acme-gw", K)
    terminal("pip", "healthy", "wheel", "python3-pip", "a package is built and installed from a folder", "python3 -m venv --system-site-packages v\nv/bin/pip wheel -v --no-build-isolation --no-deps --no-index -w wheels ./app\nv/bin/pip install --no-index --find-links wheels acme-gw\nv/bin/pip show -f acme-gw\nv/bin/pip uninstall -y acme-gw", "mkdir -p app/acme_gw; echo 'VERSION = 1' >app/acme_gw/__init__.py; printf \"from setuptools import setup\\nsetup(name='acme-gw', version='2.4.1', packages=['acme_gw'])\\n\" >app/setup.py\n")
    terminal("npm", "healthy", "pack", "nodejs", "a package is packed and installed", "npm pack --offline ./lib\nnpm install --offline --verbose --no-audit --no-fund ./acme-lib-1.0.0.tgz\nnpm ls\nnpm run test", "mkdir lib; printf '{\"name\":\"acme-lib\",\"version\":\"1.0.0\",\"main\":\"i.js\"}' >lib/package.json; echo 'module.exports=7' >lib/i.js; printf '{\"name\":\"gw\",\"version\":\"2.4.1\",\"scripts\":{\"test\":\"node -e \\\\\"console.log(require(\\x27acme-lib\\x27))\\\\\"\"}}' >package.json\n", env={"HOME": well.W, "npm_config_update_notifier": "false"})
    terminal("gem", "healthy", "local", "ruby", "a gem is built and installed from its file", "gem build gw.gemspec\ngem install --local --verbose -i g acme-gw-2.4.1.gem\ngem list -i acme-gw -i g || gem contents acme-gw -V --no-all || true\nGEM_HOME=g gem uninstall -x acme-gw", "mkdir lib; echo 'GW=1' >lib/gw.rb; printf \"Gem::Specification.new do |s|\\n s.name='acme-gw'; s.version='2.4.1'; s.summary='gateway'; s.authors=['Acme']; s.files=['lib/gw.rb']; s.license='MIT'\\nend\\n\" >gw.gemspec\n", env={"HOME": well.W})


if __name__ == "__main__":
    well.choose(sys.argv[2] if len(sys.argv) > 2 else "")
    apt(sys.argv[1])
    others()
    well.report()
