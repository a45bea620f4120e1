<?xml version="1.0" encoding="UTF-8"?>

<DTSControl>
    <Version>1.0</Version>
    <AddressType>DTS</AddressType>
    <MessageType>Data</MessageType>
    <From_DTS>ward5HT1</From_DTS>
    <To_DTS>ward6HT1</To_DTS>
    <Subject>FeedFOO</Subject>
    <LocalId>feedFOO20417ad3c52-7d1e-4f0a-9c3b-5e6f7a8b9c0d.xml</LocalId>
    <DTSId/>
    <Compress>Y</Compress>
    <Encrypted>N</Encrypted>
    <WorkflowId>DEMO_FEED</WorkflowId>
    <DataCheckSum/>
    <IsCompressed>Y</IsCompressed>
	<StatusRecord>
		<DateTime>20130207101500</DateTime>
		<Event>TRANSFER</Event>
		<Status>SUCCESS</Status>
		<StatusCode>00</StatusCode>
		<Description></Description>
	</StatusRecord>
</DTSControl>
