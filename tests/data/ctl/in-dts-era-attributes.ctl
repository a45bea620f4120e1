<DTSControl Version="1.0"
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
xsi:noNamespaceSchemaLocation="C:\Relay\Schema\control answer.xsd">
  <Version>1.0</Version>
  <AddressType>ALL</AddressType>
  <MessageType>Data</MessageType>
  <From_ESMTP>oldsite1@dts.nhs.uk</From_ESMTP>
  <From_DTS>oldSITE1</From_DTS>
  <To_ESMTP>newsite2@dts.nhs.uk</To_ESMTP>
  <To_DTS>newsite2</To_DTS>
  <Subject>Weekly figures v1_3</Subject>
  <LocalId>FiguresOld Weekly Figures v1_3 Part2.csv</LocalId>
  <DTSId>relay02-201302110815001234</DTSId>
  <WorkflowId>DEMO_FIGURES</WorkflowId>
  <ProcessId></ProcessId>
  <Compress>Y</Compress>
  <Encrypted>N</Encrypted>
  <DataChecksum></DataChecksum>
  <IsCompressed>N</IsCompressed>
  <StatusRecord>
    <DateTime>20260614093012</DateTime>
    <Event>TRANSFER</Event>
    <Status>SUCCESS</Status>
    <StatusCode>00</StatusCode>
    <Description>Transferred to recipient mailbox</Description>
  </StatusRecord>
</DTSControl>
