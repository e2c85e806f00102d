"""The instance's settings file ``Config/兰台.ini``: GBK, CRLF, Chinese comments."""

from __future__ import annotations

import os
from typing import NamedTuple

from . import errors
from .inifile import IniFile
from .paths import Folder

__all__ = ["Settings", "backup_folder", "create", "load", "open_file", "port_of"]

_TEMPLATE = """\
; 兰台开票 配置文件
; 请勿随意修改，参数应与税控设备一致

[单位]
; 统一社会信用代码
税号={taxpayer}
地区编号={orgcode}
开票机号={machine}
名称={name}

[开票]
; 发票类型：004专票 007普票 026电子普票 028电子专票 025卷票 005机动车 006二手车
发票类型={kinds}
; 单张开票限额（元）
开票限额={limit}

[离线]
; 时长（小时）、张数、金额（元）
离线时长={hours}
离线张数={count}
离线金额={amount}

[服务]
; 本机服务端口
端口={port}

[备份]
; 周期（天）
目录={backup_folder}
周期={backup_days}

[网络]
; 超时（秒）
超时={timeout}
"""


class Settings(NamedTuple):
    """What the client works with; ``timeout`` in seconds, ``limit`` in yuan as written."""

    taxpayer: str
    orgcode: str
    machine: str
    name: str
    kinds: tuple[str, ...]
    limit: str
    port: int
    timeout: float


def open_file(folder: Folder) -> IniFile:
    """Return the settings file for reading and changing.

    :raises Refusal: NOT_RUNNING when it is missing or not GBK.
    """
    if not os.path.exists(folder.settings):
        raise errors.Refusal(errors.NOT_RUNNING, "缺少配置文件 {0}".format(folder.settings))
    return IniFile(folder.settings, "gbk", "\r\n")


def load(folder: Folder) -> Settings:
    """Return the instance's settings.

    :raises Refusal: NOT_RUNNING when a value is missing or cannot be read.
    """
    file = open_file(folder)
    timeout = _value(file, "网络", "超时")
    if not timeout.isdigit() or int(timeout) == 0:
        raise errors.Refusal(errors.NOT_RUNNING, "配置错误：网络超时 {0}".format(timeout))
    kinds = tuple(kind.strip() for kind in _value(file, "开票", "发票类型").split(",") if kind.strip())
    return Settings(
        _value(file, "单位", "税号"),
        _value(file, "单位", "地区编号"),
        _value(file, "单位", "开票机号"),
        _value(file, "单位", "名称"),
        kinds,
        _value(file, "开票", "开票限额"),
        port_of(file),
        float(timeout),
    )


def port_of(file: IniFile) -> int:
    """Return the local service's port.

    :raises Refusal: NOT_RUNNING when there is none in 1…65535.
    """
    port = _value(file, "服务", "端口")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise errors.Refusal(errors.NOT_RUNNING, "配置错误：服务端口 {0}".format(port))
    return int(port)


def backup_folder(folder: Folder) -> str:
    """Return the folder of the backups as the PC sees it.

    :raises Refusal: NOT_RUNNING when the settings do not say.
    """
    return _value(open_file(folder), "备份", "目录")


def create(folder: Folder, values: dict[str, str], address: str) -> None:
    """Write a new instance's settings file and upload address.

    :raises Refusal: USAGE when a value cannot be written in GBK or spans lines.
    """
    for key, value in list(values.items()) + [("address", address)]:
        if "\n" in value or "\r" in value:
            raise errors.Refusal(errors.USAGE, "参数 {0} 不能换行".format(key))
    try:
        text = _TEMPLATE.format(**values).replace("\n", "\r\n").encode("gbk")
        line = (address + "\r\n").encode("gbk")
    except UnicodeEncodeError as error:
        raise errors.Refusal(errors.USAGE, "参数含有 GBK 以外的字符：{0}".format(error)) from error
    with open(folder.settings, "wb") as file:
        file.write(text)
    with open(folder.address, "wb") as file:
        file.write(line)


def _value(file: IniFile, section: str, key: str) -> str:
    value = file.get(section, key)
    if not value:
        raise errors.Refusal(errors.NOT_RUNNING, "配置错误：缺少 [{0}] {1}".format(section, key))
    return value
