create database tasker
